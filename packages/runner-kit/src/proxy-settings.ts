import type { ProxySettings } from '@paved/http';
import { type Environment, readVariable } from './environment.js';

/**
 * The proxy as GitHub documents it for self-hosted runners, which pass it to jobs: `https_proxy`, `http_proxy` and `no_proxy`, where
 * small letters win; `undefined` without one.
 */
export function proxySettings(environment: Environment): ProxySettings | undefined {
  const read = (name: string) => readVariable(environment, name) ?? readVariable(environment, name.toUpperCase());
  const [https, http] = [read('https_proxy'), read('http_proxy')];
  return https === undefined && http === undefined ? undefined : { https, http, except: read('no_proxy') };
}
