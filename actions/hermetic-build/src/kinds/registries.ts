import { HermeticBuildError } from '../error.js';
import type { RegistryKind } from './locked-project.js';

const KINDS: readonly RegistryKind[] = ['npm', 'go', 'pypi', 'cargo', 'maven'];

/**
 * The base address that the inputs name for a kind of packages: a line `kind=URL` of `registries`, for npm also `registry-url`.
 * @throws {HermeticBuildError} `REGISTRY_UNKNOWN` for a line that is not of that form, whatever its kind
 */
export function chosenRegistry(
  inputs: { readonly 'registry-url'?: URL | undefined; readonly registries?: readonly string[] | undefined },
  kind: RegistryKind | undefined,
): URL | undefined {
  const byKind = registryAddresses(inputs);
  if (kind === undefined) return undefined;
  return byKind.get(kind) ?? (kind === 'npm' ? inputs['registry-url'] : undefined);
}

/** All lines of `registries`, by kind. @throws {HermeticBuildError} `REGISTRY_UNKNOWN` */
export function registryAddresses(inputs: {
  readonly registries?: readonly string[] | undefined;
}): ReadonlyMap<string, URL> {
  const byKind = new Map<string, URL>();
  for (const line of inputs.registries ?? []) {
    const [, name = '', address = ''] = /^([a-z]+)=(.*)$/.exec(line) ?? [];
    if (!KINDS.some((known) => known === name))
      throw refused(`"${line.slice(0, 40)}" names none of ${KINDS.join(', ')}`);
    byKind.set(name, secureAddress(name, address.trim()));
  }
  return byKind;
}

/**
 * An address that packages may be fetched from; its path ends with `/`, so that names are put below it.
 * @throws {HermeticBuildError} `REGISTRY_UNKNOWN`
 */
export function secureAddress(kind: string, text: string): URL {
  if (!URL.canParse(text)) throw refused(`the one for ${kind} is no URL`);
  const url = new URL(text);
  const local = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local))
    throw refused(`the one for ${kind} is not https`);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function refused(state: string): HermeticBuildError {
  return new HermeticBuildError('REGISTRY_UNKNOWN', `Cannot choose a package registry: ${state}`, {
    hint: 'Write one "kind=https://..." per line into registries',
  });
}
