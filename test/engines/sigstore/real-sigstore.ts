import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issuer } from '@paved/testkit';
import type { EngineName } from '../catalog.js';
import { type Daemon, runOrThrow, startDaemon } from '../program.js';
import { createAuthority } from './certificate-authority.js';
import { startCtLog } from './ct-log.js';
import { freePorts } from './free-port.js';
import { fulcioConfig } from './fulcio-config.js';

/** Where a Sigstore instance is, and what a verifier of its bundles trusts. */
export interface SigstoreInstance {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly tsaUrl: string;
  /** Text of `trusted_root.json`. */
  readonly trustedRoot: string;
  readonly trustedRootPath: string;
}

/** gh takes the rules of the public-good instance for it: promise of a CT log, log entry and time are all required. */
const ORGANISATION = 'sigstore.dev';

/** Fulcio, Rekor v2 and the timestamp authority, built from upstream's source, on loopback. */
export async function startRealSigstore(
  engine: (name: EngineName) => string,
  issuer: Issuer,
  folder: string,
): Promise<SigstoreInstance & { stop(): Promise<void> }> {
  await mkdir(folder, { recursive: true });
  const daemons: Daemon[] = [];
  const ctLog = await startCtLog();
  const stop = async () => {
    await Promise.all([...daemons.map((daemon) => daemon.stop()), ctLog.close()]);
  };
  try {
    await writeFile(join(folder, 'ctfe.pub'), ctLog.publicKey);
    const fulcioUrl = await startFulcio(engine('fulcio'), issuer, { folder, ctLogUrl: ctLog.url }, daemons);
    const rekorUrl = await startRekor(engine('rekor'), folder, daemons);
    const tsaUrl = await startTsa(engine('timestamp-server'), daemons);
    const urls = { fulcioUrl, rekorUrl, tsaUrl, ctLogUrl: ctLog.url };
    const trustedRootPath = await createTrustedRoot(engine('cosign'), folder, urls);
    const trustedRoot = await readFile(trustedRootPath, 'utf8');
    return { fulcioUrl, rekorUrl, tsaUrl, trustedRoot, trustedRootPath, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startFulcio(
  path: string,
  issuer: Issuer,
  { folder, ctLogUrl }: { readonly folder: string; readonly ctLogUrl: string },
  daemons: Daemon[],
): Promise<string> {
  const [port, grpcPort, metricsPort] = (await freePorts(3)).map(String) as [string, string, string];
  const configPath = join(folder, 'fulcio.yaml');
  await writeFile(configPath, fulcioConfig(issuer.url));
  const url = `http://127.0.0.1:${port}`;
  const authority = createAuthority(ORGANISATION);
  const [certPath, keyPath] = [join(folder, 'fulcio.pem'), join(folder, 'fulcio-key.pem')];
  await writeFile(certPath, authority.chain);
  await writeFile(keyPath, authority.key, { mode: 0o600 });
  const ca = ['--ca', 'fileca', '--fileca-cert', certPath, '--fileca-key', keyPath, '--fileca-watch=false'];
  const ctLog = ['--ct-log-url', ctLogUrl, '--ct-log-public-key-path', join(folder, 'ctfe.pub')];
  const args = ['serve', ...ca, '--fileca-key-passwd', authority.password, ...ctLog, '--config-path', configPath];
  const listen = ['--host', '127.0.0.1', '--port', port, '--grpc-host', '127.0.0.1', '--grpc-port', grpcPort];
  // By default every Fulcio of a machine wants the same socket.
  const socket = ['--legacy-unix-domain-socket', `@fulcio-${process.pid}-${port}`];
  const all = [...args, ...listen, ...socket, '--metrics-port', metricsPort];
  daemons.push(await startDaemon(path, all, () => answers(`${url}/api/v2/trustBundle`)));
  return url;
}

async function startRekor(path: string, folder: string, daemons: Daemon[]): Promise<string> {
  const [port, grpcPort, metricsPort] = (await freePorts(3)).map(String) as [string, string, string];
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyPath = join(folder, 'rekor-key.pem');
  await writeFile(keyPath, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  await writeFile(join(folder, 'rekor.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
  await mkdir(join(folder, 'rekor'), { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  const listen = ['--http-port', port, '--grpc-port', grpcPort, '--http-metrics-port', metricsPort];
  const log = ['--storage-dir', join(folder, 'rekor'), '--signer-filepath', keyPath];
  // Verifiers take the checkpoint's origin from the host of the log's URL.
  const pace = ['--hostname', '127.0.0.1', '--checkpoint-interval', '1s', '--batch-max-age', '100ms'];
  daemons.push(await startDaemon(path, ['serve', ...listen, ...log, ...pace], () => answers(`${url}/healthz`)));
  return url;
}

async function startTsa(path: string, daemons: Daemon[]): Promise<string> {
  const [port] = (await freePorts(1)).map(String) as [string];
  const url = `http://127.0.0.1:${port}`;
  const args = [
    'serve',
    '--host',
    '127.0.0.1',
    '--port',
    port,
    '--timestamp-signer',
    'memory',
    '--disable-ntp-monitoring',
  ];
  daemons.push(await startDaemon(path, args, () => answers(`${url}/api/v1/timestamp/certchain`)));
  return `${url}/api/v1/timestamp`;
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.ok;
}

async function createTrustedRoot(
  cosign: string,
  folder: string,
  urls: Readonly<Record<'fulcioUrl' | 'rekorUrl' | 'tsaUrl' | 'ctLogUrl', string>>,
): Promise<string> {
  await writeFile(join(folder, 'tsa.pem'), await (await fetch(`${urls.tsaUrl}/certchain`)).text());
  const start = new Date(Date.now() - 3_600_000).toISOString();
  const out = join(folder, 'trusted_root.json');
  await runOrThrow(cosign, [
    'trusted-root',
    'create',
    `--fulcio=url=${urls.fulcioUrl},certificate-chain=${join(folder, 'fulcio.pem')}`,
    `--ctfe=url=${urls.ctLogUrl},public-key=${join(folder, 'ctfe.pub')},start-time=${start}`,
    `--rekor=url=${urls.rekorUrl},public-key=${join(folder, 'rekor.pub')},start-time=${start},origin=127.0.0.1`,
    `--tsa=url=${urls.tsaUrl},certificate-chain=${join(folder, 'tsa.pem')}`,
    `--out=${out}`,
  ]);
  return out;
}
