import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToolchainError } from './error.js';
import { exportCommit, resolveCommit } from './release/git.js';
import { gitTreeHash } from './release/git-tree.js';
import { RELEASED_PATHS, releaseFiles, writeReleaseTree } from './release/release-tree.js';
import { treeArchive } from './release/tree-archive.js';
import { runCommand } from './run-command.js';

const MAX_COMPRESSED_BYTES = 4_000_000;

/** `npm run release:tree [-- COMMIT]`: build/release-tree, the same as one archive, and beside them what commit they are of. */
await runCommand(async () => {
  const root = process.cwd();
  const commit = await resolveCommit(root, process.argv[2] ?? 'HEAD');
  const checkout = await mkdtemp(join(tmpdir(), 'paved-release-'));
  try {
    await exportCommit(root, commit, RELEASED_PATHS, checkout);
    const files = await releaseFiles(checkout);
    const archive = await treeArchive(files);
    if (archive.length > MAX_COMPRESSED_BYTES) {
      throw new ToolchainError(
        'RELEASE_TOO_LARGE',
        `Cannot release ${archive.length} bytes: the limit is ${MAX_COMPRESSED_BYTES}`,
        {
          hint: 'Every job of every caller downloads this: find the bundle that grew',
        },
      );
    }
    const tree = gitTreeHash(files);
    await writeReleaseTree(join(root, 'build/release-tree'), files);
    await writeFile(join(root, 'build/release-tree.tar.gz'), archive);
    await writeFile(join(root, 'build/release-tree.json'), `${JSON.stringify({ commit, tree }, null, 2)}\n`);
    process.stderr.write(`commit ${commit}\n${files.size} files, ${archive.length} bytes compressed\n`);
    process.stdout.write(`${tree}\n`);
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
});
