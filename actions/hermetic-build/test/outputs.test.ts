import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
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
