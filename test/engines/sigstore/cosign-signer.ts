import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from '../program.js';
import type { SigstoreContext } from './context.js';

/** cosign as a signer on loopback: with an identity token of the issuer, or with a key pair of its own. */
export interface CosignSigner {
  /** PEM of the key pair that `--key` means. */
  readonly publicKey: string;
  /** Signs with a new token, or with the key; `args` end with what is signed. */
  sign(command: CosignCommand, by: 'identity' | 'key', args: readonly string[]): Promise<void>;
}

export type CosignCommand = 'sign-blob' | 'attest-blob' | 'sign' | 'attest';

const PASSWORD = 'a password of a test';
const START = '2020-01-01T00:00:00Z';

/**
 * @param log where entries go, and a trusted root that knows it. Before a v1 log cosign is told to write what it stored before
 *   bundles: it can only do so without a signing config, and only the promise of such a log fits in
 */
export async function openCosignSigner(
  context: SigstoreContext,
  log: {
    readonly url: string;
    readonly version: 1 | 2;
    readonly trustedRootPath: string;
    /** Of a v1 log: whether anything is sent to it, and to the timestamp authority (default true). */
    readonly upload?: boolean;
  },
): Promise<CosignSigner> {
  const folder = await mkdtemp(join(context.folder, 'cosign-'));
  const env = { COSIGN_PASSWORD: PASSWORD, HOME: folder, TUF_ROOT: folder };
  await runOrThrow(context.cosign, ['generate-key-pair'], { cwd: folder, env });
  const instance =
    log.version === 1
      ? legacyServices(context, log.url, log.upload ?? true)
      : await bundleServices(context, log.url, folder);
  return {
    publicKey: await readFile(join(folder, 'cosign.pub'), 'utf8'),
    async sign(command, by, args) {
      const tokenPath = join(folder, 'token');
      await writeFile(tokenPath, await context.issuer.sign(context.claims, { audience: 'sigstore' }), { mode: 0o600 });
      const signer = by === 'key' ? ['--key', join(folder, 'cosign.key')] : ['--identity-token', tokenPath];
      const common = [...instance, '--trusted-root', log.trustedRootPath, '--yes'];
      await runOrThrow(context.cosign, [command, ...signer, ...common, ...args], { cwd: folder, env });
    },
  };
}

function legacyServices({ instances }: SigstoreContext, rekorUrl: string, upload: boolean): readonly string[] {
  const { fulcioUrl, tsaUrl } = instances.real;
  return [
    ...['--new-bundle-format=false', '--use-signing-config=false'],
    ...['--fulcio-url', fulcioUrl],
    ...(upload ? ['--rekor-url', rekorUrl, '--timestamp-server-url', tsaUrl] : ['--tlog-upload=false']),
  ];
}

async function bundleServices(
  { cosign, instances }: SigstoreContext,
  rekorUrl: string,
  folder: string,
): Promise<readonly string[]> {
  const { fulcioUrl, tsaUrl } = instances.real;
  const config = join(folder, 'signing_config.json');
  const service = (url: string, version: number) =>
    `url=${url},api-version=${version},operator=loopback,start-time=${START}`;
  await runOrThrow(cosign, [
    ...['signing-config', 'create', `--fulcio=${service(fulcioUrl, 1)}`, `--out=${config}`],
    ...[`--rekor=${service(rekorUrl, 2)}`, '--rekor-config=ANY'],
    ...[`--tsa=${service(tsaUrl, 1)}`, '--tsa-config=ANY'],
  ]);
  return ['--signing-config', config];
}
