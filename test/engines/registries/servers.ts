import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REGISTRY_MODES, type RegistryMode, startRegistry } from '@paved/testkit';
import type { EngineName } from '../catalog.js';
import { startDaemon } from '../program.js';
import { freePorts } from '../sigstore/free-port.js';

/** Where a registry is, and which of its kind it is. */
export interface RegistryServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  stop(): Promise<void>;
}

export type ServerName = 'crane registry' | 'distribution' | `double as ${RegistryMode}`;

export const DOUBLES = Object.keys(REGISTRY_MODES).map((mode) => `double as ${mode as RegistryMode}` as const);
export const SERVERS: readonly ServerName[] = ['crane registry', 'distribution', ...DOUBLES];

export async function startServer(
  name: ServerName,
  engine: (name: EngineName) => string,
  folder: string,
): Promise<RegistryServer> {
  if (name === 'crane registry') return await startCraneRegistry(engine('crane'));
  if (name === 'distribution') return await startDistribution(engine('distribution'), folder);
  const mode = name.slice('double as '.length) as RegistryMode;
  const { host, close } = await startRegistry({ mode });
  return { host, stop: close };
}

async function startCraneRegistry(path: string): Promise<RegistryServer> {
  const [port] = (await freePorts(1)) as [number];
  const host = `127.0.0.1:${port}`;
  const daemon = await startDaemon(path, ['registry', 'serve', '--address', host], () => answers(host));
  return { host, stop: daemon.stop };
}

async function startDistribution(path: string, folder: string): Promise<RegistryServer> {
  const [port] = (await freePorts(1)) as [number];
  const host = `127.0.0.1:${port}`;
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'distribution.yml');
  await writeFile(
    config,
    [
      'version: 0.1',
      'log: { level: error, accesslog: { disabled: true } }',
      `storage: { filesystem: { rootdirectory: ${join(folder, 'distribution')} }, delete: { enabled: true } }`,
      `http: { addr: "${host}" }`,
      '',
    ].join('\n'),
  );
  const daemon = await startDaemon(path, ['serve', config], () => answers(host), {
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  return { host, stop: daemon.stop };
}

async function answers(host: string): Promise<boolean> {
  const response = await fetch(`http://${host}/v2/`);
  await response.arrayBuffer();
  return response.ok;
}
