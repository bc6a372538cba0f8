import { join } from 'node:path';
import { object, readJsonFile, string } from '@paved/json';
import { tagRelease } from './release/tag-release.js';
import { runCommand } from './run-command.js';

/** `npm run release:tag -- vX.Y.Z`: commits and tags the tree that `npm run release:tree` made; pushing is the maintainer's. */
await runCommand(async () => {
  const root = process.cwd();
  const { commit } = await readJsonFile(join(root, 'build/release-tree.json'), object({ commit: string }));
  const tags = await tagRelease(root, join(root, 'build/release-tree'), commit, process.argv[2] ?? '');
  process.stdout.write(`${tags.version} and ${tags.major} are ${tags.commit}\n`);
  process.stderr.write(`git push origin ${tags.version} && git push --force origin ${tags.major}\n`);
});
