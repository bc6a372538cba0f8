import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sha256File } from '@paved/digest';
import { filesBelow } from '../src/paths.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLI = 'packages/toolchain/lib/bundle-cli.js';
const run = promisify(execFile);

const MAIN = `import { defineAction, runAction } from '@paved/runner-kit';
const definition = defineAction({ name: 'tiny', purpose: 'Does nothing', inputs: {}, outputs: {}, permissions: {}, hosts: [], writes: [], example: '' });
await runAction(definition, async () => ({}));
`;

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'paved-bundle-'));
});
afterAll(() => rm(base, { recursive: true }));

/** A checkout with one action, at any path; what it needs of the real one is copied, so that real paths lie inside it. */
async function checkout(name: string, main = MAIN, action = 'tiny'): Promise<string> {
  const root = join(base, name);
  await mkdir(join(root, 'actions', action, 'src'), { recursive: true });
  await mkdir(join(root, 'build/actions', action, 'src'), { recursive: true });
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  await writeFile(join(root, 'actions', action, 'src/main.ts'), '// compiled below');
  await writeFile(join(root, 'build/actions', action, 'src/main.js'), main);
  for (const lower of ['errors', 'digest', 'json', 'http', 'runner-kit']) {
    const target = join(root, 'packages', lower);
    await mkdir(target, { recursive: true });
    await cp(join(ROOT, 'packages', lower, 'package.json'), join(target, 'package.json'));
    await cp(join(ROOT, 'packages', lower, 'lib'), join(target, 'lib'), { recursive: true });
    await mkdir(join(root, 'node_modules/@paved'), { recursive: true });
    await symlink(`../../packages/${lower}`, join(root, 'node_modules/@paved', lower));
  }
  // ncc's own place is part of the module ids, so it lies inside like in a real checkout.
  await mkdir(join(root, 'packages/toolchain'), { recursive: true });
  await cp(join(ROOT, 'packages/toolchain/package.json'), join(root, 'packages/toolchain/package.json'));
  await cp(join(ROOT, 'packages/toolchain/lib'), join(root, 'packages/toolchain/lib'), { recursive: true });
  await mkdir(join(root, 'node_modules/@swc'), { recursive: true });
  await symlink(join(ROOT, 'node_modules/@swc/core'), join(root, 'node_modules/@swc/core'));
  for (const dependency of [
    '@vercel/ncc',
    '@actions/core',
    '@actions/http-client',
    '@actions/exec',
    '@actions/io',
    'tunnel',
    'undici',
  ]) {
    await cp(join(ROOT, 'node_modules', dependency), join(root, 'node_modules', dependency), { recursive: true });
  }
  return root;
}

async function bundle(root: string, umask = '022'): Promise<string> {
  const { stdout } = await run('/bin/sh', ['-c', `umask ${umask}; exec "$0" "$1"`, process.execPath, CLI], {
    cwd: root,
  });
  return stdout;
}

async function bytesOf(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const path of await filesBelow(join(root, 'dist'))) {
    const { mode } = await stat(join(root, 'dist', path));
    files[path] = `${(mode & 0o777).toString(8)} ${await sha256File(join(root, 'dist', path))}`;
  }
  return files;
}

test('the same sources give the same bytes in another folder and under another umask', async () => {
  const [one, two] = [await checkout('one'), await checkout('another/deeper path/two')];
  expect(await bundle(one)).toMatch(/^dist\/tiny\/index\.js [0-9]+ bytes\n$/);
  await bundle(two, '077');
  const first = await bytesOf(one);
  expect(Object.keys(first)).toEqual(['package.json', 'tiny/index.js', 'tiny/licenses.txt']);
  expect(await bytesOf(two)).toEqual(first);
  const read = (name: string) => readFile(join(one, 'dist/tiny', name), 'utf8');
  expect(await read('index.js')).not.toMatch(/child_process/);
  expect(await read('licenses.txt')).toMatch(/@actions\/core@/);
  // What is left out of the bundle has no licence in it.
  expect(await read('licenses.txt')).not.toMatch(/@actions\/(exec|io)@|undici@/);
  await run(process.execPath, [join(one, 'dist/tiny/index.js')], { env: {} });
});

test.each([
  ['unresolved', "import x from 'no-such-package';\nconsole.log(x);\n", 'BUNDLE_UNRESOLVED'],
  ['syntax', 'const = ;\n', 'BUNDLE_FAILED'],
])('refuses a bundle: %s', async (name, main, code) => {
  const root = await checkout(name, main);
  await expect(bundle(root)).rejects.toMatchObject({ stderr: expect.stringContaining(`${code}: `) });
  expect(await filesBelow(join(root, 'dist'))).toEqual(['package.json']);
});

test('a dependency that asks for processes gets no function to start one', async () => {
  const root = await checkout('inert', "import { spawn } from 'node:child_process';\nspawn('id');\n");
  await bundle(root);
  const bundled = join(root, 'dist/tiny/index.js');
  expect(await readFile(bundled, 'utf8')).not.toContain('child_process');
  await expect(run(process.execPath, [bundled])).rejects.toThrow('spawn) is not a function');
});

test('an action that may start processes keeps them', async () => {
  const main = "import { exec } from '@paved/runner-kit/exec';\nconsole.log(typeof exec);\n";
  const root = await checkout('allowed', main, 'hermetic-build');
  await bundle(root);
  expect(await readFile(join(root, 'dist/hermetic-build/index.js'), 'utf8')).toContain('child_process');
});

test('an unknown action is named', async () => {
  const root = await checkout('unknown');
  await expect(run(process.execPath, [CLI, 'tini'], { cwd: root })).rejects.toMatchObject({
    stderr: expect.stringContaining('ACTION_UNKNOWN: Cannot bundle "tini"'),
  });
});
