import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { object, readJsonFile, string } from '@paved/json';
import { ToolchainError } from './error.js';
import { compareTree } from './release/compare-tree.js';
import { resolveCommit } from './release/git.js';
import { gitTreeHash } from './release/git-tree.js';
import { rebuildRelease } from './release/rebuild.js';
import { runCommand } from './run-command.js';

/**
 * `npm run release:verify [-- DIR] [--commit COMMIT]`: rebuilds the commit and compares. Without a folder it is the tree of the last
 * `npm run release:tree` at that tree's commit; for any other folder the commit is HEAD unless it is named.
 */
await runCommand(async () => {
  const root = process.cwd();
  const { values, positionals } = parseArgs({ options: { commit: { type: 'string' } }, allowPositionals: true });
  const [given] = positionals;
  const folder = given === undefined ? join(root, 'build/release-tree') : resolve(given);
  const commit = await resolveCommit(root, values.commit ?? (given === undefined ? await lastCommit(root) : 'HEAD'));
  const expected = await rebuildRelease(root, commit, (line) => process.stderr.write(`${line}\n`));
  const differences = await compareTree(folder, expected);
  for (const { path, state } of differences) process.stdout.write(`${state.padEnd(10)} ${path}\n`);
  if (differences.length > 0) {
    throw new ToolchainError(
      'RELEASE_DIFFERS',
      `Cannot verify the release tree: ${differences.length} files are not what ${commit} builds`,
      {
        hint: 'Do not release it; when it is your own commit, run npm run bundle, npm run docs and npm run render, and commit',
      },
    );
  }
  process.stdout.write(`${gitTreeHash(expected)} is what ${commit} builds, ${expected.size} files byte for byte\n`);
});

async function lastCommit(root: string): Promise<string> {
  try {
    return (await readJsonFile(join(root, 'build/release-tree.json'), object({ commit: string }))).commit;
  } catch (cause) {
    throw new ToolchainError('RELEASE_INCOMPLETE', 'Cannot verify a release tree: none was made', {
      cause,
      hint: 'Run "npm run release:tree", or name a folder',
    });
  }
}
