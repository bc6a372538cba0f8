import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verification } from '../../../actions/verify/src/verification.js';
import { type Bench, startBench } from '../../../actions/verify/test/world.js';
import { identityInputs } from './attested-image.js';
import type { SigstoreContext } from './context.js';
import { type CosignSigner, openCosignSigner } from './cosign-signer.js';

/** An image without anything beside it, in a registry on loopback. */
export async function withImage(
  { issuer, claims, instances: { real } }: SigstoreContext,
  body: (bench: Bench) => Promise<void>,
  trustedRoot: string = real.trustedRoot,
): Promise<void> {
  const bench = await startBench({ identity: identityInputs({ instance: { ...real, trustedRoot }, issuer, claims }) });
  try {
    await bench.push([]);
    await body(bench);
  } finally {
    await bench.dispose();
  }
}

/** A public key that signed nothing. */
export function otherKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return publicKey.export({ format: 'pem', type: 'spki' }).toString();
}

const NO_IDENTITY = ['issuer', 'workflow-path', 'signer-digests', 'repository-id', 'owner-id', 'source-ref'];

/** What the action refuses when it asks for a signature under a key; empty when it accepts. */
export async function codesUnderKey(
  bench: Bench,
  publicKey: string,
  inputs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = join(bench.kit.workspace, 'key.pub');
  await writeFile(path, publicKey);
  const { outputs, error } = await bench.verify({
    ...Object.fromEntries(NO_IDENTITY.map((name) => [name, ''])),
    ...{ 'public-key': path, require: 'signature', children: 'false', ...inputs },
  });
  if (outputs['verification-path'] === undefined) throw error;
  const { checks } = JSON.parse(await readFile(outputs['verification-path'], 'utf8')) as Verification;
  return checks.flatMap(({ code }) => code ?? []).join();
}

/** A v1 log's promise fits into the tags of before bundles; it is the double's, for upstream's v1 server needs a database. */
export async function openLegacySigner(
  context: SigstoreContext,
): Promise<{ readonly cosign: CosignSigner; readonly trustedRoot: string; readonly unlogged: CosignSigner }> {
  const { real, double } = context.instances;
  const trustedRoot = JSON.stringify({
    ...JSON.parse(real.trustedRoot),
    tlogs: JSON.parse(double.trustedRoot).tlogs,
  });
  const folder = await mkdtemp(join(context.folder, 'legacy-'));
  const trustedRootPath = join(folder, 'trusted_root.json');
  await writeFile(trustedRootPath, trustedRoot);
  const log = { url: context.rekorV1Url, version: 1, trustedRootPath } as const;
  const cosign = await openCosignSigner(context, log);
  return { cosign, trustedRoot, unlogged: await openCosignSigner(context, { ...log, upload: false }) };
}
