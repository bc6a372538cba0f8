import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { HermeticBuildError } from '../src/error.js';
import { parseLockfile } from '../src/lockfile/lockfile.js';
import { installedTree } from '../src/lockfile/tree.js';

const folder = join(process.cwd(), '../shared/fixtures/lockfiles');
const present = existsSync(join(folder, 'expected.json'));
const when = present ? describe : describe.skip;

interface Expected {
  readonly kind: string;
  readonly lockfileVersion: number;
  readonly packages: number;
  readonly nodeModules: number;
  readonly links: number;
  readonly dev: number;
  readonly optional: number;
  readonly bundled: number;
  readonly unique: number;
  readonly withIntegrity: number;
}

const expected: Record<string, Expected> = present
  ? JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')).files
  : {};
const npm = Object.entries(expected).filter(([, facts]) => facts.kind === 'npm');
const read = (path: string) => gunzipSync(readFileSync(join(folder, `${path}.gz`))).toString('utf8');

when('lock files of public projects (skipped where ../shared/fixtures is absent)', () => {
  test.each(npm.filter(([, facts]) => facts.lockfileVersion > 1))('counts of %s', (path, facts) => {
    const lockfile = parseLockfile(read(path));
    const packages = [...lockfile.packages.values()];
    const entries = [...packages.map(({ entry }) => entry), ...lockfile.workspaces.values()];
    const count = (keep: (entry: (typeof entries)[number]) => boolean) => entries.filter(keep).length;
    expect({
      nodeModules: packages.length,
      links: lockfile.links.size,
      packages: packages.length + lockfile.workspaces.size,
      unique: new Set(packages.map(({ name, version }) => `${name}@${version}`)).size,
      withIntegrity: count((entry) => entry.integrity !== undefined),
      dev: count((entry) => entry.dev === true),
      optional: count((entry) => entry.optional === true),
      bundled: count((entry) => entry.inBundle === true),
    }).toMatchObject({
      nodeModules: facts.nodeModules,
      links: facts.links,
      packages: facts.packages,
      withIntegrity: facts.withIntegrity,
      dev: facts.dev,
      optional: facts.optional,
      bundled: facts.bundled,
    });
    expect(installedTree(lockfile, { os: 'darwin', cpu: 'arm64', libc: undefined }).size).toBeGreaterThan(0);
  });

  test.each(npm.filter(([, facts]) => facts.lockfileVersion === 1))('%s is refused with the cure', (path) => {
    const refusal = capture(() => parseLockfile(read(path)));
    expect(refusal.code).toBe('LOCKFILE_VERSION');
    expect(refusal.hint).toContain('npm install --lockfile-version 3');
  });
});

function capture(run: () => unknown): HermeticBuildError {
  try {
    run();
  } catch (error) {
    if (error instanceof HermeticBuildError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
