import { readFile } from 'node:fs/promises';
import type { HttpClient } from '@paved/http';
import {
  describeRegistry,
  parseTokenHosts,
  RegistryClient,
  type RegistryHost,
  type RepositoryName,
  readRegistryCredentials,
} from '@paved/oci';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import { registriesOf } from './target.js';

/** A client for one registry, with the credentials that the registry config has for exactly this repository. */
export type Connect = (registry: RegistryHost, repository: RepositoryName) => Promise<RegistryClient>;

type Inputs = InputsOf<typeof definition>;

/** All clients share one limit in time, which runs from now, and one cancellation. */
export async function newConnect(inputs: Inputs, context: ActionContext, cancelled: AbortSignal): Promise<Connect> {
  const config = inputs['registry-config'];
  const tokenHosts = parseTokenHosts(inputs['token-hosts'] ?? [], registriesOf(inputs));
  const http = await httpFor(inputs['ca-file'], context);
  const { timeout } = inputs;
  const signal = timeout === undefined ? cancelled : AbortSignal.any([cancelled, AbortSignal.timeout(timeout)]);
  return async (registry, repository) => {
    const client = new RegistryClient({
      registry,
      http,
      credentials: config === undefined ? undefined : await readRegistryCredentials(config, registry, repository),
      plainHttp: inputs['plain-http'],
      tokenHosts: tokenHosts.get(registry) ?? [],
      signal,
    });
    // The distribution API cannot be asked for this, and it has to be known before the first request.
    describeRegistry(client, { immutableTags: inputs['immutable-tags'] });
    return client;
  };
}

async function httpFor(caFile: string | undefined, context: ActionContext): Promise<HttpClient> {
  if (caFile === undefined) return context.http;
  const ca = await readFile(caFile, 'utf8').catch((cause) => {
    throw new PushError('PUSH_INPUT_INVALID', `Cannot read ca-file "${caFile}"`, {
      cause,
      hint: 'Write the certificates of the authority to that file in an earlier step, in PEM',
    });
  });
  // Without a certificate in it, nothing would be trusted, and the error would be about the registry.
  if (!/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.test(ca)) {
    throw new PushError('PUSH_INPUT_INVALID', `Cannot use ca-file "${caFile}": it holds no certificate in PEM`, {
      hint: 'Give the certificate of the authority itself, from -----BEGIN CERTIFICATE----- to its end, not its key',
    });
  }
  return context.http.with({ ca });
}
