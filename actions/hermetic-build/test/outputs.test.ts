import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { collectOutputs } from '../src/build/outputs.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-outputs-'));
  await mkdir(join(root, 'artifact'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string, mode = 0o644): Promise<void> {
  const target = join(root, 'build', path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text, { mode });
}

function collect(patterns: readonly string[], maxBytes = 1000) {
  return collectOutputs({ buildPath: join(root, 'build'), artifactPath: join(root, 'artifact'), patterns, maxBytes });
}

describe('collecting outputs', () => {
  test('takes files by name, folders by their content, patterns behind their fixed part', async () => {
    await write('dist/a.js', 'a');
    await write('dist/sub/b.js', 'b', 0o700);
    await write('out/x-1.0.tgz', 'x');
    await write('out/.hidden', 'h');
    await write('LICENSE', 'l', 0o600);
    const outputs = await collect(['dist', 'out/*.tgz', 'LICENSE', './dist/sub/../sub/b.js'.replace('../sub/', '')]);
    expect(outputs.map(({ path }) => path)).toEqual(['LICENSE', 'a.js', 'b.js', 'sub/b.js', 'x-1.0.tgz']);
    expect(outputs[0]).toEqual({ path: 'LICENSE', size: 1, sha256: sha256('l') });
    expect(await readFile(join(root, 'artifact/sub/b.js'), 'utf8')).toBe('b');
    const mode = async (path: string) => (await stat(join(root, 'artifact', path))).mode & 0o777;
    expect([await mode('sub/b.js'), await mode('LICENSE')]).toEqual([0o755, 0o644]);
  });

  test('** stands for any number of folders', async () => {
    await write('a/x.js', '1');
    await write('a/b/c/x.js', '2');
    await write('a/b/c/x.ts', '3');
    expect((await collect(['a/**/*.js'])).map(({ path }) => path)).toEqual(['b/c/x.js', 'x.js']);
  });

  test.each([
    ['nothing there', 'OUTPUT_MISSING', ['dist']],
    ['an empty folder', 'OUTPUT_MISSING', ['empty']],
    ['one of two missing', 'OUTPUT_MISSING', ['ok', 'dist/*.tgz']],
    ['a path that goes up', 'OUTPUT_UNSAFE', ['../secret']],
    ['an absolute path', 'OUTPUT_UNSAFE', ['/etc/passwd']],
    ['a link to a file', 'OUTPUT_UNSAFE', ['link-file']],
    ['a link to a folder', 'OUTPUT_UNSAFE', ['link-folder']],
    ['a file behind a linked folder', 'OUTPUT_UNSAFE', ['link-folder/secret']],
    ['a folder that holds a link', 'OUTPUT_UNSAFE', ['with-link']],
    ['a name with a line break', 'OUTPUT_UNSAFE', ['names']],
    ['two files for one name', 'OUTPUT_CONFLICT', ['ok/a', 'other/a']],
    ['too many bytes', 'OUTPUT_TOO_LARGE', ['large']],
  ])('refuses %s', async (_name, code, patterns) => {
    await writeFile(join(root, 'secret'), 'host');
    await write('ok/a', '1');
    await write('other/a', '2');
    await write('large', 'x'.repeat(1001));
    await write('names/a\n::error::b', '');
    await mkdir(join(root, 'build/empty'));
    await mkdir(join(root, 'build/with-link'));
    await symlink(join(root, 'secret'), join(root, 'build/with-link/inner'));
    await symlink(join(root, 'secret'), join(root, 'build/link-file'));
    await symlink(root, join(root, 'build/link-folder'));
    await expect(collect(patterns)).rejects.toMatchObject({ code, hint: expect.any(String) });
  });
});

/** Without a sandbox a process that the command left behind goes on while the outputs are collected. */
describe('a tree that changes after it was listed', () => {
  const build = (path: string) => join(root, 'build', path);
  const outside = (path: string) => join(root, 'outside', path);

  beforeEach(async () => {
    await write('dist/sub/a.txt', 'built');
    await mkdir(outside('sub'), { recursive: true });
    await writeFile(outside('a.txt'), 'of the runner');
    await writeFile(outside('sub/a.txt'), 'of the runner');
  });

  /** The limit is asked for after the listing and before the first file is opened. */
  function collectAfter(change: () => void) {
    const options = { buildPath: join(root, 'build'), artifactPath: join(root, 'artifact'), patterns: ['dist'] };
    return collectOutputs({
      ...options,
      get maxBytes() {
        change();
        return 1000;
      },
    });
  }

  const swapped: [string, () => void][] = [
    [
      'a file became a link',
      () => {
        rmSync(build('dist/sub/a.txt'));
        symlinkSync(outside('a.txt'), build('dist/sub/a.txt'));
      },
    ],
    [
      'a folder became a link',
      () => {
        renameSync(build('dist/sub'), build('old'));
        symlinkSync(root, build('dist/sub'));
        writeFileSync(join(root, 'a.txt'), 'of the runner');
      },
    ],
    [
      'the first folder became a link',
      () => {
        renameSync(build('dist'), build('old'));
        symlinkSync(join(root, 'outside'), build('dist'));
      },
    ],
    [
      'a file became a pipe, which nobody ever writes to',
      () => {
        rmSync(build('dist/sub/a.txt'));
        execFileSync('mkfifo', [build('dist/sub/a.txt')]);
      },
    ],
    [
      'a file became a folder',
      () => {
        rmSync(build('dist/sub/a.txt'));
        mkdirSync(build('dist/sub/a.txt'));
      },
    ],
    ['a file is gone', () => rmSync(build('dist/sub/a.txt'))],
  ];
  test.each(swapped)('is refused when %s, and nothing of elsewhere is collected', async (_name, change) => {
    await expect(collectAfter(change)).rejects.toMatchObject({ code: 'OUTPUT_UNSAFE', hint: expect.any(String) });
    expect(await readdir(join(root, 'artifact'), { recursive: true })).not.toContain('sub/a.txt');
  });

  test('is held to the limit as it is when it is read', async () => {
    const growing = collectAfter(() => appendFileSync(build('dist/sub/a.txt'), 'x'.repeat(1000)));
    await expect(growing).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  test('is collected as it is when it is read, also behind a link that was there before (control)', async () => {
    const after = await collectAfter(() => writeFileSync(build('dist/sub/a.txt'), 'again'));
    expect(after).toEqual([{ path: 'sub/a.txt', size: 5, sha256: sha256('again') }]);
    await symlink(join(root, 'build'), join(root, 'named'));
    await mkdir(join(root, 'second'));
    const options = { buildPath: join(root, 'named'), artifactPath: join(root, 'second') };
    expect(await collectOutputs({ ...options, patterns: ['dist'], maxBytes: 5 })).toEqual(after);
  });
});
