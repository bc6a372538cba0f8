import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type Lockfile, type LockfileKind, lockfileKindOf, parseLockfile } from '@paved/bom/lockfiles';
import { fixture } from './fixture.js';
import { expected, hasShared, sharedFile, sharedNames } from './shared-fixtures.js';

interface Outcome {
  readonly kind?: string;
  readonly readable?: boolean;
  readonly [count: string]: unknown;
}

const KIND: Readonly<Record<string, LockfileKind>> = {
  yarn1: 'yarn',
  'yarn-berry': 'yarn',
  'maven-lockfile': 'maven',
};

function kindOf(file: string, kind: string | undefined): LockfileKind {
  if (kind !== undefined && kind !== 'toml-lock') return KIND[kind] ?? (kind as LockfileKind);
  if (/uv/.test(file)) return 'uv';
  return /poetry/.test(file) ? 'poetry' : 'cargo';
}

const EQUALS = /^[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*==/;
const count = (lockfile: Lockfile, matches: (item: Lockfile['packages'][number]) => boolean) =>
  lockfile.packages.filter(matches).length;

/** How each count of expected.json is taken from what we read; a count without an entry here fails the test. */
const COUNTS: Readonly<Record<string, (lockfile: Lockfile) => unknown>> = {
  // The count of requirements is one of lines with `==`; those with a wildcard pin nothing, so we hold them unresolved.
  packages: ({ packages, unresolved }) => packages.length + unresolved.filter((line) => EQUALS.test(line)).length,
  v1Dependencies: ({ packages }) => packages.length,
  unique: ({ packages, unresolved }) =>
    new Set([
      ...packages
        .filter(({ key, ecosystem }) => ecosystem !== 'npm' || key.includes('node_modules/'))
        .map(({ name, version }) => `${name}@${version}`),
      ...unresolved.filter((line) => EQUALS.test(line)),
    ]).size,
  nodeModules: (file) => count(file, ({ key }) => key.includes('node_modules/')),
  dev: (file) => file.counts.dev ?? count(file, ({ scope }) => scope === 'development'),
  optional: (file) => count(file, ({ optional }) => optional),
  bundled: (file) => count(file, ({ bundled }) => bundled),
  withIntegrity: (file) => count(file, ({ integrity }) => integrity.length > 0),
  withChecksum: (file) => count(file, ({ integrity }) => integrity.length > 0),
  hashes: ({ packages }) => packages.reduce((sum, { integrity }) => sum + integrity.length, 0),
  direct: (file) => count(file, ({ direct }) => direct === true),
  indirect: (file) => count(file, ({ direct }) => direct === false),
  module: ({ root }) => root,
};
/** Kinds of source as the counting script names them; without one, poetry means the index and cargo the source itself. */
const SOURCES: Readonly<Record<string, (lockfile: Lockfile) => number>> = {
  registry: (file) => count(file, ({ source }) => source === 'registry'),
  editable: (file) => count(file, ({ source }) => source === 'local'),
  virtual: (file) => count(file, ({ source }) => source === 'local'),
  none: (file) => count(file, ({ source }) => source === (file.kind === 'poetry' ? 'registry' : 'local')),
};
/** Told by the format, and how often a word stands in the text. */
const UNKEPT = new Set(['kind', 'control', 'v1Dependencies']);
const OWN = ['links', 'workspaces', 'snapshots', 'importers', 'goModLines', 'modules', 'lines', 'replace', 'tool'];
const MORE = ['topLevel', 'plugins', 'default', 'develop', 'prod'];
const VERSIONS = new Set(['lockfileVersion', 'lockFileVersion', 'metadataVersion', 'version']);

function actual(lockfile: Lockfile, key: string, wanted: unknown): unknown {
  if (VERSIONS.has(key)) return lockfile.version;
  if (key === 'bySource')
    return Object.fromEntries(Object.keys(wanted as object).map((name) => [name, SOURCES[name]?.(lockfile)]));
  const take = COUNTS[key];
  if (take !== undefined) return take(lockfile);
  if ([...OWN, ...MORE].includes(key)) return lockfile.counts[key] ?? null;
  throw new Error(`expected.json has a count "${key}" that this test does not know`);
}

const run = hasShared('lockfiles') ? describe : describe.skip;
run('lock files of real projects (skipped where ../shared is absent)', () => {
  const { files } = hasShared('lockfiles')
    ? expected<{ files: Record<string, Outcome> }>('lockfiles')
    : { files: {} as Record<string, Outcome> };

  test('every file has an outcome, and every outcome a file', () => {
    expect(Object.keys(files).sort()).toEqual([...sharedNames('lockfiles')].sort());
  });

  test.each(Object.entries(files))('%s', (file, outcome) => {
    const kind = kindOf(file, outcome.kind);
    const text = sharedFile('lockfiles', file).toString('utf8');
    if (outcome.readable === false) {
      expect(() => parseLockfile(kind, text)).toThrow(expect.objectContaining({ code: 'LOCKFILE_MALFORMED' }));
      return;
    }
    const lockfile = parseLockfile(kind, text);
    const keys = Object.keys(outcome).filter((key) => !UNKEPT.has(key));
    expect(keys.length).toBeGreaterThan(0);
    const wanted = Object.fromEntries(
      keys.map((key) => [key, VERSIONS.has(key) ? String(outcome[key] ?? '') : outcome[key]]),
    );
    expect(Object.fromEntries(keys.map((key) => [key, actual(lockfile, key, outcome[key])]))).toEqual(wanted);
    const keysOfEntries = new Set(lockfile.packages.map(({ key }) => key));
    for (const { requires } of lockfile.packages) for (const key of requires) expect(keysOfEntries).toContain(key);
    for (const item of lockfile.packages) {
      if (item.source === 'registry' && item.version !== '')
        expect([item.key, item.purl]).toEqual([item.key, expect.any(String)]);
    }
  });
});

describe('lock files that are no lock files', () => {
  test.each<readonly [LockfileKind, string]>([
    ['npm', ''],
    ['npm', '[]'],
    ['npm', '{"lockfileVersion": 4}'],
    ['npm', '{"lockfileVersion": 3, "packages": {'],
    ['pnpm', 'a: &a [1]\nb: *a\nlockfileVersion: 9'],
    ['pnpm', '- a'],
    ['pnpm', 'packages: {}'],
    ['yarn', 'no lock file at all'],
    ['yarn', '__metadata:\n  version: 8\n"a@npm:1":\n  version: 1\n'],
    ['go.sum', 'example.com/a v1.0.0'],
    ['go.sum', 'example.com/a v1.0.0 h1:short='],
    ['go.mod', 'require example.com/a v1.0.0'],
    ['go.mod', 'module a\nrequire (\n  example.com/a\n)'],
    ['cargo', '[[package]\nname = "a"'],
    ['cargo', '[[package]]\nversion = "1"'],
    ['cargo', `a = ${'['.repeat(500)}`],
    ['uv', 'a = "unclosed'],
    ['poetry', 'a = 1\na = 2'],
    ['gradle', 'not a coordinate'],
    ['bundler', ''],
    ['bun', '{"packages": ,}'],
    ['maven', 'null'],
  ])('%s: %s', (kind, text) => {
    expect(() => parseLockfile(kind, text)).toThrow(expect.objectContaining({ code: 'LOCKFILE_MALFORMED' }));
  });
});

describe('what a lock file says', () => {
  test.each([
    ['pnpm', 'pnpm-lock.yaml', 2],
    ['requirements', 'requirements.txt', 2],
  ] as const)('%s: a file of a real project', (kind, name, count) => {
    const { packages } = parseLockfile(kind, readFileSync(fixture(`lockfiles/${name}`), 'utf8'));
    expect(packages).toHaveLength(count);
    expect(packages.every(({ purl, integrity }) => purl !== undefined && integrity.length > 0)).toBe(true);
  });

  test('names that would be prototypes are data', () => {
    const npm =
      '{"lockfileVersion":1,"dependencies":{"__proto__":{"version":"1.0.0"},"constructor":{"version":"2.0.0"}}}';
    expect(parseLockfile('npm', npm).packages.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
    const cargo = '[[package]]\nname = "a"\nversion = "1"\n[__proto__]\npolluted = true\n';
    parseLockfile('cargo', cargo);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('a range is unresolved, not a version', () => {
    const { packages, unresolved } = parseLockfile('requirements', 'a==1.0\nb>=2\nc==3.*\n-r other.txt\n-e .\n');
    expect(packages.map(({ purl }) => purl)).toEqual(['pkg:pypi/a@1.0']);
    expect(unresolved).toEqual(['b>=2', 'c==3.*', '-r other.txt', '-e .']);
  });

  test('ranges of yarn 2 and later stand without quotes, and are text all the same', () => {
    const lock = `__metadata:
  version: 4

"a@npm:1.10":
  version: 1.10.0
  resolution: "a@npm:1.10.0"
  dependencies:
    b: 1

"b@npm:1":
  version: 1.2.0
  resolution: "b@npm:1.2.0"

"p@workspace:.":
  version: 0.0.0-use.local
  resolution: "p@workspace:."
  dependencies:
    a: 1.10
`;
    expect(parseLockfile('yarn', lock).packages).toMatchObject([
      { name: 'a', direct: true, requires: ['b@npm:1'] },
      { name: 'b', direct: false },
    ]);
  });

  test('edges of npm follow the closest node_modules', () => {
    const lock = {
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { a: '1' } },
        'node_modules/a': { version: '1.0.0', dependencies: { b: '2' } },
        'node_modules/a/node_modules/b': { version: '2.0.0' },
        'node_modules/b': { version: '1.0.0' },
      },
    };
    const [a] = parseLockfile('npm', JSON.stringify(lock)).packages;
    expect(a).toMatchObject({ direct: true, requires: ['node_modules/a/node_modules/b'] });
  });

  test.each([
    ['a/b/package-lock.json', 'npm'],
    ['Cargo.lock', 'cargo'],
    ['requirements-dev.txt', 'requirements'],
    ['package.json', undefined],
    ['my-go.sum', undefined],
  ])('%s is %s', (path, kind) => {
    expect(lockfileKindOf(path)).toBe(kind);
  });
});
