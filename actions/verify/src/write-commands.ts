import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import type { Reference } from '@paved/oci';
import type { TrustedRoot } from '@paved/sigstore';
import type { Candidate } from './candidate.js';
import { type CommandFiles, equivalentCommands, shellText } from './equivalent-commands.js';
import type { VerificationPolicy } from './verification-policy.js';
import type { ArtifactResult } from './verify-artifact.js';

/** The commands of gh and cosign as lines, with the files that they need in `folder`. */
export async function writeCommands(
  folder: string,
  results: readonly ArtifactResult[],
  policy: VerificationPolicy,
  options: {
    readonly reference: Reference | undefined;
    readonly trustedRoot: TrustedRoot;
    readonly candidates: readonly Candidate[];
  },
): Promise<readonly string[]> {
  const { trustedRoot, candidates, reference } = options;
  const texts = new Map(candidates.map(({ text }) => [sha256(text), text]));
  const wanted = new Map<string, string>();
  const files: CommandFiles = {
    trustedRoot: join(folder, 'trusted_root.json'),
    trustedRootLines: join(folder, 'trusted_root.jsonl'),
    bundle({ bundleSha256 }) {
      const path = join(folder, `${digestHex(bundleSha256).slice(0, 16)}.sigstore.json`);
      wanted.set(path, texts.get(bundleSha256) ?? '');
      return path;
    },
  };
  const roots = results.filter(({ artifact }) => artifact.parent === undefined);
  const lines = roots.flatMap((result) =>
    equivalentCommands(result, policy, { reference, trustedRoot, files }).map(shellText),
  );
  await writeFile(files.trustedRoot, trustedRoot.text, { flag: 'wx' });
  await writeFile(files.trustedRootLines, `${JSON.stringify(JSON.parse(trustedRoot.text))}\n`, { flag: 'wx' });
  for (const [path, text] of wanted) await writeFile(path, text, { flag: 'wx' });
  return lines;
}
