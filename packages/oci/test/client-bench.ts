import { type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  bytesSource,
  describeBytes,
  parseRegistryHost,
  parseRepositoryName,
  RegistryClient,
  type RegistryClientOptions,
  type RepositoryClient,
} from '../src/index.js';

/** What a test has open; {@link closeAll} is for `afterEach`. */
export const closing: (() => unknown)[] = [];
export const NAME = parseRepositoryName('octo/app');
export const CANARY = 'canary-7f3a91';

export async function closeAll(): Promise<void> {
  await Promise.all(closing.splice(0).map((close) => close()));
}

export async function start(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const registry = await startRegistry({ credentials: { username: 'octo', password: CANARY }, ...options });
  closing.push(registry.close);
  return registry;
}

export function clientOf(
  registry: { readonly host: string },
  options: Partial<RegistryClientOptions> = {},
): RepositoryClient {
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    retry: { attempts: 4, baseDelayMs: 1, maxDelayMs: 5 },
    credentials: { kind: 'basic', username: 'octo', password: CANARY },
    ...options,
  });
  closing.push(() => client.close());
  return client.repository(NAME, 'push');
}

export function blobOf(text: string) {
  return bytesSource(describeBytes('application/octet-stream', Buffer.from(text)), Buffer.from(text));
}
