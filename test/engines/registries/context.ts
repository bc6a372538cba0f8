import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type PushedContent,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  pushTags,
  type Referrer,
  RegistryClient,
  type RepositoryClient,
} from '@paved/oci';
import type { EngineName } from '../catalog.js';
import type { Sample } from './sample.js';
import { type RegistryServer, SERVERS, type ServerName, startServer } from './servers.js';
import { installSkopeo } from './skopeo.js';

/** Registries that run for the whole suite; every test uses repositories of its own. */
export interface RegistriesContext {
  readonly engine: (name: EngineName) => string;
  readonly skopeo: string;
  readonly servers: ReadonlyMap<ServerName, RegistryServer>;
  /** A scratch folder that is removed at the end. */
  readonly folder: string;
}

export async function startContext(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: RegistriesContext; stop(): Promise<void> }> {
  const skopeo = await installSkopeo();
  const folder = await mkdtemp(join(tmpdir(), 'paved-registries-'));
  const servers = new Map<ServerName, RegistryServer>();
  const stop = async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const name of SERVERS) servers.set(name, await startServer(name, engine, join(folder, 'servers')));
  } catch (error) {
    await stop();
    throw error;
  }
  return { context: { engine, skopeo, servers, folder }, stop };
}

export function serverOf(context: RegistriesContext, name: ServerName): RegistryServer {
  const server = context.servers.get(name);
  if (server === undefined) throw new Error(`Cannot use ${name}: it was not started`);
  return server;
}

/** A client of its own, so that nothing that another test learned about the registry helps. */
export async function withRepository<T>(
  host: string,
  name: string,
  body: (repository: RepositoryClient) => Promise<T>,
  baseDelayMs = 20,
): Promise<T> {
  const client = new RegistryClient({
    registry: parseRegistryHost(host),
    retry: { attempts: 3, baseDelayMs, maxDelayMs: baseDelayMs * 10 },
  });
  try {
    return await body(client.repository(parseRepositoryName(name), 'push'));
  } finally {
    client.close();
  }
}

/** Content, referrers and tag `1.0.0`, in the order of a release. */
export async function release(
  repository: RepositoryClient,
  layout: Sample,
  referrers: readonly Referrer[],
): Promise<PushedContent> {
  const content = await pushContent({ repository, layout, referrers });
  await pushTags({ repository, manifest: layout.root, tags: [parseTag('1.0.0')] });
  return content;
}
