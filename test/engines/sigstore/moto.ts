import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { engineCache } from '../install.js';
import { type Daemon, runOrThrow, startDaemon } from '../program.js';
import { freePorts } from './free-port.js';

const VERSION = '5.2.5';
const REGION = 'eu-central-1';
/** moto checks no signatures; the shape of what is sent is checked by our own double. */
export const MOTO_CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret-of-a-test' };

/** AWS on loopback, from PyPI into a folder of the engine cache. */
export interface Moto {
  readonly url: string;
  /** Calls KMS as an administrator would, past our own client. */
  administer(action: string, parameters: object): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function startMoto(): Promise<Moto> {
  const server = await installMoto();
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => (await fetch(`${url}/moto-api/`)).status < 500;
  const daemon: Daemon = await startDaemon(server, ['-H', '127.0.0.1', '-p', String(port)], ready);
  return {
    url,
    stop: () => daemon.stop(),
    async administer(action, parameters) {
      const scope = `${MOTO_CREDENTIALS.accessKeyId}/20260101/${REGION}/kms/aws4_request`;
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': `TrentService.${action}`,
          authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
        },
        body: JSON.stringify(parameters),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`Cannot ${action}: moto answered ${response.status}\n${text.slice(0, 500)}`);
      return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    },
  };
}

async function installMoto(): Promise<string> {
  const folder = join(engineCache(), `moto@${VERSION}`);
  const server = join(folder, 'bin', 'moto_server');
  if (existsSync(server)) return server;
  await mkdir(engineCache(), { recursive: true });
  // Programs of a virtual environment name its path: it is made where it stays.
  const partial = `${folder}.partial`;
  await rm(folder, { recursive: true, force: true });
  try {
    await runOrThrow('python3', ['-m', 'venv', folder], { timeoutMs: 120_000 });
    const pip = join(folder, 'bin', 'pip');
    await runOrThrow(pip, ['install', '--quiet', `moto[server]==${VERSION}`], { timeoutMs: 600_000 });
  } catch (error) {
    await rename(folder, partial).catch(() => undefined);
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  return server;
}
