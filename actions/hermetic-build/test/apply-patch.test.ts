import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { applyPatch } from '../src/node/apply-patch.js';
import { writeFiles } from './write-files.js';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-patch-'));
  folder = join(root, 'package');
  await mkdir(folder);
  await writeFiles(folder, {
    'index.js': 'one\ntwo\nthree\nfour\nfive\n',
    'lib/old.js': 'gone\n',
    'no-end.txt': 'a\nb',
    'keep.txt': '-- kept\n',
  });
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const apply = (text: string) => applyPatch('x@1.0.0', text, folder, 499162500);
const read = (path: string) => readFile(join(folder, path), 'utf8');
const EDIT = `diff --git a/index.js b/index.js
index 1111111..2222222 100644
--- a/index.js
+++ b/index.js
@@ -1,3 +1,4 @@
 one
-two
+zwei
+drei
 three
@@ -5 +6 @@ function x() {
-five
+fuenf
`;

test('changes, makes, deletes and renames files', async () => {
  await apply(`${EDIT}diff --git a/bin/new.sh b/bin/new.sh
new file mode 100755
index 0000000..3333333
--- /dev/null
+++ b/bin/new.sh
@@ -0,0 +1,2 @@
+#!/bin/sh
+-- not a header
diff --git a/lib/old.js b/lib/old.js
deleted file mode 100644
--- a/lib/old.js
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/no-end.txt b/end.txt
similarity index 50%
rename from no-end.txt
rename to end.txt
--- a/no-end.txt
+++ b/end.txt
@@ -1,2 +1,2 @@
 a
-b
\\ No newline at end of file
+c
diff --git a/keep.txt b/keep.txt
--- a/keep.txt
+++ b/keep.txt
@@ -1 +1 @@
--- kept
+++ kept
-- 
2.39.0
`);
  expect(await read('index.js')).toBe('one\nzwei\ndrei\nthree\nfour\nfuenf\n');
  expect(await read('bin/new.sh')).toBe('#!/bin/sh\n-- not a header\n');
  expect(await read('end.txt')).toBe('a\nc\n');
  expect(await read('keep.txt')).toBe('++ kept\n');
  expect((await stat(join(folder, 'bin/new.sh'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(folder, 'index.js'))).mtime.getTime()).toBe(499162500_000);
  expect((await readdir(folder)).sort()).toEqual(['bin', 'end.txt', 'index.js', 'keep.txt', 'lib']);
});

describe('refuses, and touches nothing outside', () => {
  const hostile = (path: string) => `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+pwned\n`;
  test.each([
    ['another line than the patch expects', EDIT.replace('-two', '-tow')],
    ['a hunk that moved', EDIT.replace('@@ -1,3', '@@ -2,3')],
    ['a file that is not there', EDIT.replaceAll('index.js', 'other.js')],
    ['a new file over an old one', hostile('index.js')],
    ['a path that leads out', hostile('../out')],
    ['an absolute path', hostile('/tmp/out')],
    ['a path without prefix', EDIT.replace('+++ b/', '+++ ')],
    ['a link', `diff --git a/l b/l\nnew file mode 120000\n${hostile('l')}`],
    ['a binary change', 'diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 1\nIcmZQz\n'],
    [
      'a deletion that leaves something',
      'diff --git a/index.js b/index.js\ndeleted file mode 100644\n--- a/index.js\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n',
    ],
    ['nothing', 'hello\n'],
  ])('%s', async (_name, text) => {
    await expect(apply(text)).rejects.toMatchObject({ code: 'PATCH_FAILED', hint: expect.any(String) });
    expect(await readdir(root)).toEqual(['package']);
    expect(await read('index.js')).toBe('one\ntwo\nthree\nfour\nfive\n');
  });

  test.each(['l/pwned', 'l'])('a path through a link of the package: %s', async (path) => {
    await symlink(root, join(folder, 'l'));
    await expect(apply(hostile(path))).rejects.toMatchObject({
      code: expect.stringMatching(/PATCH_FAILED|SOURCE_UNSAFE/),
    });
    expect(await readdir(root)).toEqual(['package']);
  });
});
