import {
  parseReference,
  parseRegistryHost,
  parseRepositoryName,
  type RegistryHost,
  type RepositoryClient,
  type RepositoryName,
} from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { Connect } from './connect.js';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import { contactsNothing } from './open-source.js';

type Inputs = InputsOf<typeof definition>;

/** Where to push, parsed whole before the first request. */
export interface Target {
  /** `registry/repository`. */
  readonly name: string;
  readonly repository: RepositoryClient;
  readonly mountFrom: RepositoryName | undefined;
}

/**
 * Reads registry and repository, or the list of targets, and their credentials.
 * @throws {OciError} `REGISTRY_NOT_ALLOWED` when a repository names a host, `REFERENCE_INVALID`; {PushError} `PUSH_INPUT_INVALID`
 */
export async function parseTargets(inputs: Inputs, connect: Connect): Promise<readonly Target[]> {
  const mountFrom = inputs['mount-from'];
  const from = mountFrom === undefined ? undefined : parseRepositoryName(mountFrom.toLowerCase());
  const places = new Map(parsePlaces(inputs).map((place) => [place.join('/'), place]));
  return await Promise.all(
    [...places].map(async ([name, [registry, repository]]) => {
      const client = await connect(registry, repository);
      return { name, repository: client.repository(repository, 'push'), mountFrom: from };
    }),
  );
}

/** Every registry that will be asked: those of the targets, and that of an image that is copied. */
export function registriesOf(inputs: Inputs): readonly RegistryHost[] {
  if (contactsNothing(inputs)) return [];
  const targets = parsePlaces(inputs).map(([registry]) => registry);
  return inputs.from === undefined ? targets : [...targets, parseReference(inputs.from).registry];
}

function parsePlaces(inputs: Inputs): readonly (readonly [RegistryHost, RepositoryName])[] {
  const { targets } = inputs;
  if (targets === undefined || targets.length === 0) {
    const registry = parseRegistryHost(required(inputs.registry, 'registry'));
    return [[registry, parseRepositoryName(required(inputs.repository, 'repository').toLowerCase())]];
  }
  if (inputs.registry !== undefined || inputs.repository !== undefined) {
    throw invalidInput('targets stand beside registry or repository', 'Give either of them');
  }
  return targets.map((line) => {
    const { registry, repository, tag, digest } = parseReference(line.toLowerCase());
    if (tag !== undefined || digest !== undefined) {
      throw invalidInput(`target "${line}" has a tag or a digest`, 'Give registry/repository alone, and tags in tags');
    }
    return [registry, repository];
  });
}

/**
 * How many of `count` targets must succeed.
 * @throws {PushError} `PUSH_INPUT_INVALID`
 */
export function parseMustSucceed(text: string, count: number): number {
  if (text === 'all') return count;
  if (text === 'any') return 1;
  const number = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= count) return number;
  throw invalidInput(`must-succeed is "${text.slice(0, 40)}"`, `Use all, any, or a number from 1 to ${count}`);
}

function required(value: string | undefined, name: string): string {
  if (value !== undefined) return value;
  throw invalidInput(`${name} is empty`, `Set ${name}; only mode layout needs none`);
}

export function invalidInput(state: string, hint: string): PushError {
  return new PushError('PUSH_INPUT_INVALID', `Cannot push: ${state}`, { hint });
}
