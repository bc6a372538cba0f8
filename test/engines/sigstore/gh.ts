import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../program.js';
import type { SigstoreInstance } from './real-sigstore.js';

export interface GhQuestion {
  readonly bundle: string;
  readonly artifact: Uint8Array;
  readonly issuer: string;
  /** Subject alternative name, compared whole. */
  readonly identity: string;
  /** `owner/name` of the source. */
  readonly repository: string;
  readonly signerDigest: string;
  readonly predicateType: string;
}

/** Asks the real `gh attestation verify` about one bundle, offline: with `--bundle` it needs no account. */
export async function askGh(gh: string, instance: SigstoreInstance, question: GhQuestion): Promise<ProgramResult> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-gh-'));
  try {
    const [bundlePath, rootPath] = [join(folder, 'bundle.json'), join(folder, 'trusted_root.jsonl')];
    const artifactPath = join(folder, 'artifact');
    await writeFile(bundlePath, question.bundle);
    await writeFile(artifactPath, question.artifact);
    // A line without its end is not read, and then nothing is trusted.
    await writeFile(rootPath, `${JSON.stringify(JSON.parse(instance.trustedRoot))}\n`);
    const args = [
      ...['attestation', 'verify', artifactPath, '--bundle', bundlePath, '--custom-trusted-root', rootPath],
      ...['--repo', question.repository, '--cert-identity', question.identity],
      ...['--cert-oidc-issuer', question.issuer, '--signer-digest', question.signerDigest],
      ...['--predicate-type', question.predicateType, '--deny-self-hosted-runners'],
    ];
    return await runProgram(gh, args, { env: ghEnvironment(folder) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the machine's own gh nothing: no account, no configuration, no look for updates. */
export function ghEnvironment(folder: string): Readonly<Record<string, string>> {
  return { HOME: folder, GH_CONFIG_DIR: folder, GH_NO_UPDATE_NOTIFIER: '1', GH_TOKEN: '', GITHUB_TOKEN: '' };
}
