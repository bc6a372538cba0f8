import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { openLayout } from '@paved/oci';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { Artifact } from './artifact.js';
import type { definition } from './definition.js';

/** The layout's root, and with `children` every manifest below it; openLayout has checked each byte. */
export async function hashLayout(
  path: string,
  { children, digest }: Pick<InputsOf<typeof definition>, 'children' | 'digest'>,
  workDir: ActionContext['workDir'],
): Promise<readonly Artifact[]> {
  const { root, manifests, path: opened } = await openLayout(path, { digest, spool: { folder: workDir } });
  // Every byte was read: what was decompressed for it has done its work.
  if (opened !== path) await rm(opened, { force: true });
  const name = basename(path);
  const below = children ? manifests.filter((manifest) => manifest.digest !== root.digest) : [];
  return [
    { name, digest: root.digest },
    ...below.map((manifest) => ({ name: `${name}@${manifest.digest}`, digest: manifest.digest, parent: root.digest })),
  ];
}
