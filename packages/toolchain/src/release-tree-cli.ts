import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ToolchainError } from './error.js';
import { exportCommit, resolveCommit } from './release/git.js';
import { gitTreeHash } from './release/git-tree.js';
import { RELEASED_PATHS, releaseFiles, writeReleaseTree } from './release/release-tree.js';
import { treeArchive } from './release/tree-archive.js';
import { runCommand } from './run-command.js';

const MAX_COMPRESSED_BYTES = 4_000_000;

/**
 * `npm run release:tree [-- COMMIT | --here]`: build/release-tree, the same as one archive, and beside them what commit they are of.
 * `--here` takes the files of the working tree, for a build machine that has just made them and has no history.
 */
await runCommand(async () => {
  const root = process.cwd();
  const { values, positionals } = parseArgs({ options: { here: { type: 'boolean' } }, allowPositionals: true });
  const { files, commit } =
    values.here === true ? { files: await releaseFiles(root), commit: '' } : await committed(root, positionals[0]);
  const archive = await treeArchive(files);
  if (archive.length > MAX_COMPRESSED_BYTES) {
    throw new ToolchainError(
      'RELEASE_TOO_LARGE',
      `Cannot release ${archive.length} bytes: the limit is ${MAX_COMPRESSED_BYTES}`,
      { hint: 'Every job of every caller downloads this: find the bundle that grew' },
    );
  }
  const tree = gitTreeHash(files);
  await writeReleaseTree(join(root, 'build/release-tree'), files);
  await writeFile(join(root, 'build/release-tree.tar.gz'), archive);
  await writeFile(join(root, 'build/release-tree.json'), `${JSON.stringify({ commit, tree }, null, 2)}\n`);
  process.stderr.write(`commit ${commit === '' ? 'none: the working tree' : commit}\n`);
  process.stderr.write(`${files.size} files, ${archive.length} bytes compressed\n`);
  process.stdout.write(`${tree}\n`);
});

async function committed(
  root: string,
  name = 'HEAD',
): Promise<{ readonly files: ReadonlyMap<string, Buffer>; readonly commit: string }> {
  const commit = await resolveCommit(root, name);
  const checkout = await mkdtemp(join(tmpdir(), 'paved-release-'));
  try {
    await exportCommit(root, commit, RELEASED_PATHS, checkout);
    return { files: await releaseFiles(checkout), commit };
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
}
