import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  compareTree,
  exportCommit,
  gitTreeHash,
  rebuildRelease,
  releaseFiles,
  resolveCommit,
  tagRelease,
  treeArchive,
  writeReleaseTree,
} from '../src/index.js';

const run = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-release-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

async function commit(cwd: string): Promise<string> {
  const git = async (...args: string[]) =>
    (await run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.test', ...args], { cwd })).stdout.trim();
  await git('init', '-q', '-b', 'main');
  await git('add', '-A', '-f');
  await git('commit', '-q', '--no-gpg-sign', '--allow-empty', '-m', 'one');
  return await git('rev-parse', 'HEAD');
}

describe('a tree is compared', () => {
  const files = new Map(['a.txt', 'b/c.js', '.github/workflows/x.yml'].map((path) => [path, Buffer.from(path)]));
  const changes: readonly (readonly [string, (tree: string) => Promise<unknown>, string, string])[] = [
    ['one changed byte', (tree) => writeFile(join(tree, 'b/c.js'), 'b/c.jS'), 'b/c.js', 'differs'],
    ['a file that is gone', (tree) => rm(join(tree, 'a.txt')), 'a.txt', 'missing'],
    ['a file more', (tree) => writeFile(join(tree, 'b/extra'), ''), 'b/extra', 'unexpected'],
    ['a hidden file more', (tree) => writeFile(join(tree, '.npmrc'), ''), '.npmrc', 'unexpected'],
    ['an executable file', (tree) => chmod(join(tree, 'a.txt'), 0o755), 'a.txt', 'mode'],
    [
      'a link to the same bytes',
      async (tree) => {
        await rm(join(tree, 'a.txt'));
        await writeFile(join(folder, 'outside'), 'a.txt');
        await symlink(join(folder, 'outside'), join(tree, 'a.txt'));
      },
      'a.txt',
      'unexpected',
    ],
  ];

  test('and is the same', async () => {
    const tree = join(folder, 'tree');
    await writeReleaseTree(tree, files);
    await commit(tree);
    expect(await compareTree(tree, files)).toEqual([]);
  });

  test.each(changes)('%s is named', async (_name, change, path, state) => {
    const tree = join(folder, 'tree');
    await writeReleaseTree(tree, files);
    await change(tree);
    expect(await compareTree(tree, files)).toEqual([{ path, state }]);
  });
});

test('the archive has the same bytes whenever and wherever it is made', async () => {
  const files = new Map([['a', Buffer.from('1')]]);
  const first = await treeArchive(files);
  expect((await treeArchive(files)).equals(first)).toBe(true);
  expect((await treeArchive(new Map([['a', Buffer.from('2')]]))).equals(first)).toBe(false);
  // ustar: mode, owner and time of the first header.
  const header = gunzipSync(first).subarray(100, 148).toString();
  expect(header.replaceAll('\0', ' ').split(/ +/)).toEqual([
    '000644',
    '000000',
    '000000',
    '00000000001',
    '00000000000',
    '',
  ]);
});

/** A project whose bundle is its source in capitals: small enough to be rebuilt with the real npm and git. */
async function project(): Promise<void> {
  const write = (path: string, text: string) => `mkdir -p ${dirname(path)} && printf '%s' ${text} > ${path}`;
  const scripts = {
    bundle: write('dist/probe/index.js', '"$(tr a-z A-Z < src/probe.txt)"'),
    docs: [
      write('action-catalog.json', `'{"actions":[{"name":"probe","internal":false}]}'`),
      write('action-catalog.md', 'x'),
      write('actions/probe/action.yml', `'runs:\n  using: node24\n  main: ../../dist/probe/index.js\n'`),
    ].join(' && '),
    render: write('.github/workflows/road.yml', '"on: push"'),
  };
  await put('package.json', JSON.stringify({ name: 'p', version: '1.0.0', private: true, scripts }));
  await put(
    'package-lock.json',
    JSON.stringify({
      name: 'p',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: { '': { name: 'p', version: '1.0.0' } },
    }),
  );
  await put('LICENSE', 'licence');
  await put('src/probe.txt', 'probe');
  await put('workflows/road.yml', 'on: push');
  await put('actions/probe/README.md', 'by hand');
  for (const script of Object.values(scripts)) await run('/bin/sh', ['-c', script], { cwd: folder });
}

describe('a rebuild', () => {
  test('makes the release from the sources of the commit alone', async () => {
    await project();
    const sha = await commit(folder);
    const made = await releaseFiles(folder);
    await put('src/probe.txt', 'not committed');
    const lines: string[] = [];
    const rebuilt = await rebuildRelease(folder, sha, (line) => lines.push(line));
    expect(gitTreeHash(rebuilt)).toBe(gitTreeHash(made));
    expect([...rebuilt.keys()]).toContain('probe/action.yml');
    expect(lines).toEqual(['npm ci', 'npm run -s bundle', 'npm run -s docs', 'npm run -s render']);
  });

  test('does not take over a committed bundle that was changed, nor one that nothing builds', async () => {
    await project();
    await put('dist/probe/index.js', 'PROBe');
    await put('dist/planted/index.js', 'planted');
    const sha = await commit(folder);
    const tree = join(folder, 'tree');
    await writeReleaseTree(tree, await releaseFiles(folder));
    expect(await compareTree(tree, await rebuildRelease(folder, sha, () => undefined))).toEqual([
      { path: 'dist/planted/index.js', state: 'unexpected' },
      { path: 'dist/probe/index.js', state: 'differs' },
    ]);
  });

  test('fails when a step fails', async () => {
    await project();
    await put('package.json', JSON.stringify({ name: 'p', version: '1.0.0', scripts: { bundle: 'exit 3' } }));
    const sha = await commit(folder);
    await expect(rebuildRelease(folder, sha, () => undefined)).rejects.toMatchObject({ code: 'REBUILD_FAILED' });
  });
});

describe('a commit', () => {
  test('is exported as it is, whatever the working tree says', async () => {
    await put('dist/a', 'committed');
    const sha = await commit(folder);
    await put('dist/a', 'changed');
    await put('dist/b', 'not committed');
    await exportCommit(folder, sha, ['dist'], join(folder, 'out'));
    expect(await readFile(join(folder, 'out/dist/a'), 'utf8')).toBe('committed');
    expect(await readFile(join(folder, 'out/dist/b'), 'utf8').catch(() => 'absent')).toBe('absent');
    await expect(exportCommit(folder, sha, ['absent'], join(folder, 'x'))).rejects.toMatchObject({
      code: 'RELEASE_INCOMPLETE',
    });
  });

  test.each(['--upload-pack=x', 'nothing', 'HEAD~7'])('named %s is not there', async (name) => {
    await commit(folder);
    await expect(resolveCommit(folder, name)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
  });
});

describe('a release is tagged', () => {
  const files = new Map([
    ['dist/a.js', Buffer.from('1')],
    ['.github/workflows/x.yml', Buffer.from('on: push')],
  ]);

  test('on a commit with exactly the tree, the version for ever and the major version for now', async () => {
    await put('source.ts', 'not released');
    const source = await commit(folder);
    const tree = join(folder, 'build/release-tree');
    await writeReleaseTree(tree, files);
    const first = await tagRelease(folder, tree, source, 'v1.0.0');
    await writeFile(join(tree, 'dist/a.js'), '2');
    const second = await tagRelease(folder, tree, source, 'v1.0.1');
    const show = async (name: string) => (await run('git', ['rev-parse', name], { cwd: folder })).stdout.trim();
    expect(await show('v1.0.0^{tree}')).toBe(gitTreeHash(files));
    expect([await show('v1.0.0^{commit}'), await show('v1^{commit}')]).toEqual([first.commit, second.commit]);
    expect(await show('v1.0.1^{commit}^')).toBe(first.commit);
    expect(await show('HEAD')).toBe(source);
    expect((await run('git', ['status', '--short', 'source.ts'], { cwd: folder })).stdout).toBe('');
  });

  test.each(['v1.0.0', 'v1', '1.0.0', 'v1.0.0-rc.1', '--force'])(
    'but not twice or by another name: %s',
    async (version) => {
      const source = await commit(folder);
      const tree = join(folder, 'build/release-tree');
      await writeReleaseTree(tree, files);
      await tagRelease(folder, tree, source, 'v1.0.0');
      await expect(tagRelease(folder, tree, source, version)).rejects.toMatchObject({ code: 'TAG_REFUSED' });
    },
  );
});
