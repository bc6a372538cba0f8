import { basename, dirname, relative, sep } from 'node:path';
import type { ArtifactFile } from '@paved/oci';

/** Names relative to the deepest folder that holds all files, with `/`. */
export function namedFiles(paths: readonly string[]): readonly ArtifactFile[] {
  const [first = '', ...others] = paths;
  let base = dirname(first);
  while (!others.every((path) => path.startsWith(base === sep ? sep : base + sep))) base = dirname(base);
  return paths.map((path) => ({
    path,
    name: paths.length === 1 ? basename(path) : relative(base, path).split(sep).join('/'),
  }));
}
