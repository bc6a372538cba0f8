import type { HttpClient } from '@paved/http';
import {
  assertTagsAllowed,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  RegistryClient,
  type RepositoryClient,
  type RepositoryName,
  readRegistryCredentials,
  type Tag,
} from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { PushError } from './error.js';

type Inputs = InputsOf<typeof definition>;

/** Where to push, parsed whole before the first request. */
export interface Target {
  readonly client: RegistryClient;
  readonly repository: RepositoryClient;
  readonly tags: readonly Tag[];
  readonly mountFrom: RepositoryName | undefined;
}

/**
 * Reads registry, repository, tags and credentials.
 * @throws {OciError} `REGISTRY_NOT_ALLOWED` when repository or tag names a host, `REFERENCE_INVALID`, `TAG_REFUSED`
 */
export async function parseTarget(inputs: Inputs, http: HttpClient): Promise<Target> {
  const registry = parseRegistryHost(required(inputs.registry, 'registry'));
  const name = parseRepositoryName(required(inputs.repository, 'repository').toLowerCase());
  const tags = parseTags(inputs);
  const mountFrom = inputs['mount-from'];
  const config = inputs['registry-config'];
  const client = new RegistryClient({
    registry,
    http,
    credentials: config === undefined ? undefined : await readRegistryCredentials(config, registry),
    plainHttp: inputs['plain-http'],
    tokenHosts: (inputs['token-hosts'] ?? []).map(parseRegistryHost),
  });
  return {
    client,
    repository: client.repository(name, 'push'),
    tags,
    mountFrom: mountFrom === undefined ? undefined : parseRepositoryName(mountFrom.toLowerCase()),
  };
}

function parseTags(inputs: Inputs): readonly Tag[] {
  const tags = [...new Set((inputs.tags ?? []).map(parseTag))];
  const tagging = inputs.mode === 'tag' || inputs.mode === 'all';
  if (!tagging && tags.length > 0) {
    throw invalid(`mode ${inputs.mode} sets no tag`, 'Leave tags empty, or use mode tag or all');
  }
  if (inputs.mode === 'tag' && tags.length === 0) throw invalid('mode tag has no tags', 'Give at least one tag');
  assertTagsAllowed(tags, inputs['allow-tags'] ?? []);
  return tags;
}

function required(value: string | undefined, name: string): string {
  if (value !== undefined) return value;
  throw invalid(`${name} is empty`, `Set ${name}; only mode layout needs none`);
}

function invalid(state: string, hint: string): PushError {
  return new PushError('PUSH_INPUT_INVALID', `Cannot push: ${state}`, { hint });
}
