import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../program.js';
import type { SigstoreInstance } from './real-sigstore.js';

export interface CosignQuestion {
  readonly bundle: string;
  readonly artifact: Uint8Array;
  readonly identity: string;
  readonly issuer: string;
  /** Full URI; absent for a signature over the bytes. */
  readonly predicateType?: string;
}

/** Asks the real cosign about one bundle, offline, with the instance's trusted root. */
export async function askCosign(
  cosign: string,
  instance: SigstoreInstance,
  question: CosignQuestion,
): Promise<ProgramResult> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-cosign-'));
  try {
    const bundlePath = join(folder, 'bundle.sigstore.json');
    const artifactPath = join(folder, 'artifact');
    await writeFile(bundlePath, question.bundle);
    await writeFile(artifactPath, question.artifact);
    const command =
      question.predicateType === undefined
        ? ['verify-blob']
        : ['verify-blob-attestation', '--type', question.predicateType];
    const args = [
      ...command,
      ...['--bundle', bundlePath, '--trusted-root', instance.trustedRootPath],
      ...['--certificate-identity', question.identity, '--certificate-oidc-issuer', question.issuer],
      '--use-signed-timestamps',
      artifactPath,
    ];
    return await runProgram(cosign, args, { env: { HOME: folder, TUF_ROOT: folder } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
