import { chmod, mkdir, mkdtemp, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { installPackages } from '../src/build/install.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-links-'));
  await mkdir(join(root, 'build', 'packages', 'a'), { recursive: true });
  await mkdir(join(root, 'home'));
  await writeFile(join(root, 'home', 'key'), 'secret');
  await chmod(join(root, 'home', 'key'), 0o600);
});
afterEach(() => rm(root, { recursive: true }));

/** Installs a project with one workspace, whose package.json names `file` as its command `run`. */
async function install(file: string): Promise<void> {
  const workspace = { name: 'a', bin: { run: file } };
  const lockfile = {
    ...{ root: {}, packages: new Map(), links: new Map([['node_modules/a', 'packages/a']]) },
    workspaces: new Map([['packages/a', workspace]]),
  };
  const places = { bundlePath: join(root, 'bundle'), buildPath: join(root, 'build') };
  await installPackages({ lockfile, nodes: new Map(), ...places, sourceDateEpoch: 0 });
}

const modeOf = async (...path: readonly string[]) => (await stat(join(root, ...path))).mode & 0o777;

test.each<readonly [string, string, () => Promise<void>]>([
  [
    'a folder that is a link',
    'out/key',
    () => symlink(join(root, 'home'), join(root, 'build', 'packages', 'a', 'out')),
  ],
  [
    'a file that is a link',
    'key',
    () => symlink(join(root, 'home', 'key'), join(root, 'build', 'packages', 'a', 'key')),
  ],
  [
    'a workspace that is a link',
    'key',
    async () => {
      await rm(join(root, 'build', 'packages', 'a'), { recursive: true });
      await symlink(join(root, 'home'), join(root, 'build', 'packages', 'a'));
    },
  ],
])('a command behind %s changes nothing outside of the tree', async (_name, file, prepare) => {
  await prepare();
  await install(file);
  expect(await modeOf('home', 'key')).toBe(0o600);
});

test('a command of a workspace is executable and linked', async () => {
  await writeFile(join(root, 'build', 'packages', 'a', 'run.js'), '', { mode: 0o644 });
  await install('run.js');
  expect(await modeOf('build', 'packages', 'a', 'run.js')).toBe(0o755);
  expect(await readlink(join(root, 'build', 'node_modules', '.bin', 'run'))).toBe('../a/run.js');
});
