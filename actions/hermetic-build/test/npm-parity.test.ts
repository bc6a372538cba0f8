import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { installPackages } from '../src/build/install.js';
import { fetchBundle } from '../src/fetch/bundle.js';
import { NamedHosts } from '../src/fetch/named-hosts.js';
import { readProject } from '../src/project.js';
import type { Registry } from './npm-registry.js';
import { sampleProject, startProjectRegistry, writeProject } from './sample-project.js';

const npm = spawnSync('npm', ['--version'], { encoding: 'utf8' });
const withNpm = npm.status === 0 ? test : test.skip;

let root: string;
let registry: Registry;
const http = new HttpClient();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-parity-'));
});
afterEach(async () => {
  await registry.close();
  http.close();
  await rm(root, { recursive: true, force: true });
});

/** Path, kind, executable bit, link target and content of everything under node_modules. */
function snapshot(folder: string, path = 'node_modules'): readonly string[] {
  return readdirSync(join(folder, path))
    .sort()
    .flatMap((name) => {
      const file = `${path}/${name}`;
      const info = lstatSync(join(folder, file));
      // npm's own note about the tree; nothing but npm reads it.
      if (name === '.package-lock.json') return [];
      if (info.isSymbolicLink()) return [`${file} -> ${readlinkSync(join(folder, file))}`];
      if (info.isDirectory()) return snapshot(folder, file);
      const digest = createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
      return [`${file} ${(info.mode & 0o100) === 0 ? '-' : 'x'} ${digest}`];
    });
}

withNpm(
  `installs what npm ${npm.stdout?.trim() ?? '(skipped: there is no npm)'} installs from the same lock file`,
  async () => {
    const project = await sampleProject();
    registry = await startProjectRegistry(project);
    for (const item of project.packages) {
      const entries = Object.values(project.lock).filter((entry) => entry.integrity === item.integrity);
      for (const entry of entries) entry.resolved = `${registry.url}${item.path}`;
    }
    const theirs = join(root, 'theirs');
    const ours = join(root, 'ours');
    await mkdir(theirs);
    await writeProject(theirs, project);
    await cp(theirs, ours, { recursive: true });
    await writeFile(join(root, 'npmrc'), '');

    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', `--registry=${registry.url}`];
    const env = { PATH: process.env.PATH, HOME: root, npm_config_userconfig: join(root, 'npmrc') };
    await promisify(execFile)('npm', args, { cwd: theirs, env, timeout: 40_000 });

    const { lockfile, nodes } = await readProject(ours, 'package-lock.json');
    const bundlePath = join(root, 'bundle');
    const noRegistry = () => Promise.reject(new Error('every entry has "resolved"'));
    await fetchBundle(nodes, {
      http,
      projectPath: ours,
      lockKind: 'npm',
      bundlePath,
      registry: undefined,
      hosts: new NamedHosts({ 'registry-url': new URL(registry.url) }),
      defaultRegistry: noRegistry,
      onProgress: () => {},
    });
    await installPackages({ lockfile, nodes, bundlePath, buildPath: ours, sourceDateEpoch: 0 });
    expect(snapshot(ours)).toEqual(snapshot(theirs));
    expect(snapshot(ours).length).toBeGreaterThan(10);
  },
);
