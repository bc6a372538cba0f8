import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { assertSourceCommit } from '../src/fetch/source-commit.js';

const SHA = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-commit-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** The same layouts with the right and with another commit, so that each one can go red. */
const layouts: [string, (sha: string) => Record<string, string>][] = [
  ['a detached HEAD', (sha) => ({ '.git/HEAD': `${sha}\n` })],
  ['a loose ref', (sha) => ({ '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${sha}\n` })],
  [
    'a packed ref',
    (sha) => ({
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/packed-refs': `# pack-refs\n${sha} refs/heads/main\n^${OTHER}\n`,
    }),
  ],
  ['a branch named $(id)', (sha) => ({ '.git/HEAD': 'ref: refs/heads/$(id)\n', '.git/refs/heads/$(id)': `${sha}\n` })],
  ['a submodule', (sha) => ({ '.git': 'gitdir: modules/x\n', 'modules/x/HEAD': `${sha}\n` })],
  [
    'a worktree',
    (sha) => ({
      '.git': 'gitdir: main/worktrees/w\n',
      'main/worktrees/w/HEAD': 'ref: refs/heads/main\n',
      'main/worktrees/w/commondir': '../..\n',
      'main/refs/heads/main': `${sha}\n`,
    }),
  ],
  ['a .git above the project', (sha) => ({ 'project/package.json': '{}', '.git/HEAD': sha })],
];

describe('the checked out commit', () => {
  test.each(layouts)('is read from %s', async (_name, files) => {
    await write(files(SHA));
    const source = 'project/package.json' in files(SHA) ? join(root, 'project') : root;
    expect(await assertSourceCommit(source, root, SHA)).toBe(SHA);
    await write(files(OTHER));
    await expect(assertSourceCommit(source, root, SHA)).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
  });

  test('is not compared without .git, and nothing above the boundary counts', async () => {
    await write({ '.git/HEAD': OTHER, 'workspace/package.json': '{}' });
    expect(await assertSourceCommit(join(root, 'workspace'), join(root, 'workspace'), SHA)).toBeUndefined();
  });

  test.each([
    ['ref: ../../secret'],
    ['ref: refs/heads/../../secret'],
    ['ref: refs/heads/.invalid'],
    ['ref: HEAD'],
    [''],
    [`${SHA}${SHA}`],
  ])('refuses HEAD %j', async (head) => {
    await write({ '.git/HEAD': head, '.git/HEAD.x': '', secret: SHA, '.git/secret': SHA });
    await expect(assertSourceCommit(root, root, SHA)).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
  });
});
