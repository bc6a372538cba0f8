import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type LockfileKind, parseLockfile as listLockfile, lockfileKindOf } from '@paved/bom/lockfiles';
import { PavedError } from '@paved/errors';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { readCargoLock } from '../src/cargo/locked-crate.js';
import { readGoSum } from '../src/go/go-sum.js';
import { openProject } from '../src/kinds/open-project.js';
import { parseLockfile } from '../src/lockfile/lockfile.js';
import { readMavenLock } from '../src/maven/maven-lock.js';
import { readBerryLock } from '../src/node/berry.js';
import { readPnpmLock } from '../src/node/pnpm.js';
import { readYarnLock } from '../src/node/yarn.js';
import { lockedDistributions } from '../src/python/locked-distribution.js';
import { writeFiles } from './write-files.js';

const folder = join(process.cwd(), '../shared/fixtures/lockfiles');
const present = existsSync(join(folder, 'expected.json'));
const when = present ? describe : describe.skip;

interface Facts {
  readonly kind?: string;
  readonly packages?: number;
  readonly nodeModules?: number;
  readonly bySource?: Readonly<Record<string, number>>;
}
const expected: Readonly<Record<string, Facts>> = present
  ? JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')).files
  : {};

/**
 * What the fetch phase makes of each file: `all` of the packages that expected.json counts, their number where others are for another
 * machine, or the code of the refusal. A file without a line here fails.
 */
const OUTCOMES: Readonly<Record<string, string | number>> = {
  'npm-v3-actions-attest/package-lock.json': 'all',
  'npm-v3-gha-auth/package-lock.json': 'all',
  'npm-v2-in-place/package-lock.json': 'all',
  'npm-v2-workspaces-tuf-js/package-lock.json': 'all',
  'npm-v1-sbom-action/package-lock.json': 'LOCKFILE_VERSION',
  'npm-v3-small-act/package-lock.json': 'all',
  'pnpm-9-crates-io-auth/pnpm-lock.yaml': 'all',
  'pnpm-trivy/pnpm-lock.yaml': 'LOCKFILE_VERSION',
  'yarn1-defectdojo/yarn.lock': 'GIT_DEPENDENCY',
  'yarn-berry-build-push/yarn.lock': 'INTEGRITY_WEAK',
  'go-cli/go.sum': 'all',
  'go-cli/go.mod': 'all',
  'go-vex/go.sum': 'all',
  'go-vex/go.mod': 'all',
  'pip-hashes-conformance/requirements.txt': 'all',
  'pip-hashes-yaml/requirements.txt': 'all',
  'poetry-groups/poetry.lock': 20,
  'uv-zizmor/uv.lock': 19,
  'uv-small/uv.lock': 'all',
  'cargo-zizmor/Cargo.lock': 'all',
  'cargo-in-toto/Cargo.lock': 'all',
  'maven-freeze/lockfile.json': 'LOCKFILE_VERSION',
  'maven-single/lockfile.json': 'LOCKFILE_VERSION',
  'gradle-trivy/gradle.lockfile': 'LOCKFILE_KIND',
  'pipenv-trivy/Pipfile.lock': 'LOCKFILE_KIND',
  'composer-osv/composer.lock': 'LOCKFILE_KIND',
  'bun-mise/bun.lock': 'LOCKFILE_KIND',
  'bundler-slsa/Gemfile.lock': 'LOCKFILE_KIND',
  'edge/nodejs-pnpm/pnpm-lock_archives.yaml': 'LOCKFILE_VERSION',
  'edge/nodejs-pnpm/pnpm-lock_v6.yaml': 'LOCKFILE_VERSION',
  'edge/nodejs-pnpm/pnpm-lock_v9.yaml': 'LOCKFILE_KIND',
  'edge/nodejs-pnpm/pnpm-lock_v9_multi_version.yaml': 'all',
  'edge/nodejs-yarn/yarn_happy.lock': 'all',
  'edge/nodejs-yarn/yarn_v2_happy.lock': 'INTEGRITY_WEAK',
  'edge/nodejs-yarn/yarn_with_git.lock': 'GIT_DEPENDENCY',
  'edge/nodejs-yarn/yarn_with_npm.lock': 'all',
  'edge/nodejs-npm/package-lock_v1.json': 'LOCKFILE_VERSION',
  'edge/nodejs-npm/package-lock_v3.json': 'all',
  'edge/nodejs-npm/package-lock_v3_with-same-dev-and-non-dev.json': 'all',
  'edge/nodejs-npm/package-lock_v3_with_peer.json': 'all',
  'edge/nodejs-npm/package-lock_v3_with_workspace_as_object.json': 'all',
  'edge/python-poetry/poetry_flask.lock': 'INTEGRITY_MISSING',
  'edge/python-poetry/poetry_v2_flask.lock': 13,
  'edge/python-uv/uv_multiple_roots.lock': 'all',
  'edge/python-uv/uv_without_root.lock': 'all',
  'edge/rust-cargo/cargo_invalid.lock': 'LOCKFILE_MALFORMED',
  'edge/rust-cargo/cargo_normal.lock': 'INTEGRITY_MISSING',
  'edge/golang-sum/gomod_emptyline.sum': 'all',
  'edge/golang-sum/gomod_normal.sum': 'all',
  'edge/gradle-lockfile/empty.lockfile': 'LOCKFILE_KIND',
  'edge/ruby-bundler/Gemfile_bundler2.lock': 'LOCKFILE_KIND',
  'edge/ruby-bundler/Gemfile_normal.lock': 'LOCKFILE_KIND',
  'edge/nodejs-bun/bun_happy.lock': 'LOCKFILE_KIND',
  'edge/nodejs-bun/bun_multiple_ws.lock': 'LOCKFILE_KIND',
  'edge/python-pip/requirement_exstras.txt': 'INTEGRITY_MISSING',
  'edge/python-pip/requirements_compatible.txt': 'INTEGRITY_MISSING',
  'edge/python-pip/requirements_hash.txt': 'all',
  'edge/python-pip/requirements_no_version.txt': 'INTEGRITY_MISSING',
  'edge/python-pip/requirements_spaces.txt': 'INTEGRITY_MISSING',
  'edge/python-pip/requirements_with_templating_engine.txt': 'INTEGRITY_MISSING',
};

let host: TestContext;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
});
afterEach(async () => await host.dispose());

const read = (path: string) => {
  const plain = join(folder, path);
  return existsSync(plain) ? readFileSync(plain, 'utf8') : gunzipSync(readFileSync(`${plain}.gz`)).toString('utf8');
};

const ENVIRONMENT = {
  os_name: 'posix',
  sys_platform: 'linux',
  platform_machine: 'x86_64',
  platform_python_implementation: 'CPython',
  platform_system: 'Linux',
  python_version: '3.11',
  python_full_version: '3.11.7',
  implementation_name: 'cpython',
  extra: '',
};

/** Number of packages that the reader of the fetch phase sees. */
async function countOf(path: string, text: string): Promise<number> {
  const kind = kindOf(path);
  const source = host.workspace;
  switch (kind) {
    case 'npm':
      return parseLockfile(text).packages.size;
    case 'pnpm': {
      await writeFiles(source, pnpmManifests(text));
      const { packages } = await readPnpmLock(text, source);
      return new Set([...packages.values()].map(({ name, version }) => `${name}@${version}`)).size;
    }
    case 'yarn':
      return await countYarn(text, source);
    case 'cargo':
      return readCargoLock(text).crates.length;
    case 'requirements':
    case 'uv':
    case 'poetry':
      return lockedDistributions(kind, text, ENVIRONMENT).length;
    case 'maven':
      return readMavenLock(path, text).plugins.length;
    case 'go.sum':
      return readGoSum(text).zips.size;
    case 'go.mod':
      return listLockfile(kind, text).packages.length;
    default:
      await writeFiles(source, { [posix.basename(path)]: text });
      await openProject(source, posix.basename(path));
      return Number.NaN;
  }
}

function kindOf(path: string): LockfileKind | undefined {
  const known = lockfileKindOf(path);
  if (known !== undefined) return known;
  const parts: readonly (readonly [RegExp, LockfileKind])[] = [
    [/nodejs-npm/, 'npm'],
    [/nodejs-pnpm/, 'pnpm'],
    [/nodejs-yarn/, 'yarn'],
    [/poetry/, 'poetry'],
    [/python-uv/, 'uv'],
    [/python-pip/, 'requirements'],
    [/cargo/, 'cargo'],
    [/golang-sum/, 'go.sum'],
  ];
  return parts.find(([pattern]) => pattern.test(path))?.[1];
}

async function countYarn(text: string, source: string): Promise<number> {
  await writeFiles(source, { 'package.json': '{}' });
  if (!/^__metadata:/m.test(text)) return (await readYarnLock(text, source)).packages.size;
  const [, block = ''] = /^"[^"]*@workspace:\."?:\n((?:.+\n)*)/m.exec(text) ?? [];
  const own = block.slice(block.indexOf('  dependencies:\n'), block.indexOf('\n  languageName'));
  const found = [...own.matchAll(/^ {4}"?([^\s":]+|@[^"]+)"?: "?([^"\n]*)"?$/gm)];
  const dependencies = Object.fromEntries(found.map(([, name, range]) => [name, range]));
  await writeFiles(source, { 'package.json': JSON.stringify({ dependencies }) });
  return (await readBerryLock(text, source, undefined)).packages.size;
}

/** The package.json of each importer, as the lock file says that it is. */
function pnpmManifests(text: string): Record<string, string> {
  const files: Record<string, string> = { 'package.json': '{}' };
  let at = '';
  let section: Record<string, Record<string, string>> = {};
  let [list, name] = ['', ''];
  for (const line of text.slice(text.indexOf('\nimporters:'), text.indexOf('\npackages:')).split('\n')) {
    const [, importer] = /^ {2}'?([^\s':]+)'?:/.exec(line) ?? [];
    if (importer !== undefined) {
      at = importer;
      section = {};
    }
    list = /^ {4}(\w+):$/.exec(line)?.[1] ?? list;
    name = /^ {6}'?([^\s']+?)'?:$/.exec(line)?.[1] ?? name;
    const specifier = /^ {8}specifier: '?([^']*)'?$/.exec(line)?.[1];
    if (specifier !== undefined) section[list] = { ...section[list], [name]: specifier };
    if (at !== '') files[posix.join(at, 'package.json')] = JSON.stringify(section);
  }
  return files;
}

when('every lock file of public projects (skipped where ../shared/fixtures is absent)', () => {
  test('has an outcome, and every outcome a file', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/^(?:SOURCE\.md|expected\.json)$/.test(entry.name))
      .map((entry) => posix.relative(folder, join(entry.parentPath, entry.name)).replace(/\.gz$/, ''));
    expect(Object.keys(OUTCOMES).sort()).toEqual(files.sort());
    expect(Object.keys(expected).sort()).toEqual(files.sort());
  });

  test.each(Object.entries(expected))('%s', async (path, facts) => {
    const outcome = await countOf(path, read(path)).catch((error: unknown) => {
      if (error instanceof PavedError) return error.code as string;
      throw error;
    });
    const all = facts.bySource?.registry ?? facts.nodeModules ?? facts.packages ?? 0;
    const wanted = OUTCOMES[path];
    expect(outcome).toBe(wanted === 'all' ? all : wanted);
    if (typeof wanted === 'number') expect(wanted).toBeLessThan(all);
  });
});
