import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { versionOrder } from '@paved/gate';

/** Every pair of neighbours, and pairs at a distance, of a list: some 400 of them. */
function pairs(versions: readonly string[]): readonly (readonly [string, string])[] {
  return versions.flatMap((version, index) =>
    [1, 7, 13].flatMap((step) => {
      const other = versions[(index + step) % versions.length];
      return other === undefined ? [] : [[version, other] as const];
    }),
  );
}

const cross = (...parts: readonly (readonly string[])[]): readonly string[] =>
  parts.reduce<readonly string[]>((all, part) => all.flatMap((head) => part.map((tail) => head + tail)), ['']);

function ours(ecosystem: string, list: readonly (readonly [string, string])[]): readonly number[] {
  const compare = versionOrder(ecosystem);
  return list.map(([a, b]) => Math.sign(compare?.(a, b) ?? Number.NaN));
}

/** The tool's word, or `undefined` where the machine does not have it. */
function ask(command: string, args: readonly string[], input: string): string | undefined {
  try {
    return execFileSync(command, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

const PYTHON = `
import json, sys
try:
    from packaging.version import Version
except ImportError:
    from pip._vendor.packaging.version import Version
print(json.dumps([(Version(a) > Version(b)) - (Version(a) < Version(b)) for a, b in json.load(sys.stdin)]))
`;

const PYTHON_VERSIONS = [
  ...cross(
    ['1.0', '1', '1.0.1', '0!1.10', '1!0.1'],
    ['', 'a1', '.b2', 'rc', '-rc.3'],
    ['', '.post1', '-2'],
    ['', '.dev4', 'dev'],
  ),
  ...cross(['2.0', 'v2.00'], ['', '+abc', '+abc.1', '+1', '+1.abc', '+Ubuntu-1_2']),
  '2024.1',
  '1.0.0.0.0',
  `1.${'9'.repeat(30)}`,
  `1.${'9'.repeat(29)}8`,
];

const MAVEN_VERSIONS = [
  ...cross(
    ['1', '1.0', '1.0.0', '1.2.3', '1.10', '01.2'],
    [
      '',
      '-alpha',
      '-alpha-1',
      '-a1',
      'b2',
      '-M3',
      '.RC1',
      '-rc',
      '-CR2',
      '-SNAPSHOT',
      '-ga',
      '.Final',
      '-sp',
      '-SP1',
      '-jre',
      '-android',
      '-20200101',
      '.4',
      '-1',
      '-1.1',
      '-foo.2',
      '-0',
      '.x',
      '-x-1',
      '-1x',
    ],
  ),
  '2.0.0.v200706041905-7C78EK9E_EkMNfNOd2d8qq',
  '2.0.1-xyz',
  '1.0.0X1-SNAPSHOT',
  `1.${'9'.repeat(30)}`,
];
const MAVEN_JARS = [
  '/usr/share/java/maven-artifact-3.x.jar',
  '/usr/share/maven-repo/org/apache/maven/maven-artifact/3.8.7/maven-artifact-3.8.7.jar',
  '/usr/share/java/commons-lang3.jar',
].filter((path) => existsSync(path));

describe('the order of versions agrees with the tool of the ecosystem', () => {
  const python = ask('python3', ['-c', PYTHON], JSON.stringify(pairs(PYTHON_VERSIONS)));
  (python === undefined ? test.skip : test)('PyPI: packaging of pip (skipped without python3)', () => {
    const list = pairs(PYTHON_VERSIONS);
    expect(list.length).toBeGreaterThan(200);
    const theirs: readonly number[] = JSON.parse(python ?? '[]');
    expect(ours('PyPI', list).flatMap((order, index) => (order === theirs[index] ? [] : [list[index]]))).toEqual([]);
  });

  const tool = ['-cp', MAVEN_JARS.join(':'), 'org.apache.maven.artifact.versioning.ComparableVersion'];
  const list = pairs(MAVEN_VERSIONS);
  // It prints how each argument compares with the one before: `   1.0 < 1.1`.
  const maven = MAVEN_JARS.length < 2 ? undefined : ask('java', [...tool, ...list.flat()], '');
  (maven === undefined ? test.skip : test)('Maven: ComparableVersion (skipped without maven-artifact)', () => {
    const lines = (maven ?? '').split('\n').flatMap((line) => /^\s+\S+ (<|==|>) \S+$/.exec(line)?.[1] ?? []);
    expect(lines).toHaveLength(list.length * 2 - 1);
    const theirs = lines.filter((_line, index) => index % 2 === 0).map((sign) => ['<', '==', '>'].indexOf(sign) - 1);
    expect(list.length).toBeGreaterThan(200);
    const wrong = ours('Maven', list).flatMap((order, index) =>
      order === theirs[index] ? [] : [[...(list[index] ?? []), order]],
    );
    expect(wrong).toEqual([]);
  });
});

/** Recorded; `npm run engines -- scanners` asks the tools again (test/fixtures/version-order/SOURCE.md). */
test.each([
  ['crates.io', 'crates.json'],
  ['npm', 'npm.json'],
])('%s: what the tool of the ecosystem answered', (ecosystem, file) => {
  const text = readFileSync(`test/fixtures/version-order/${file}`, 'utf8');
  const recorded: readonly (readonly [string, string, number])[] = JSON.parse(text);
  expect(recorded.length).toBeGreaterThan(200);
  for (const sign of [-1, 0, 1]) expect(recorded.some(([, , theirs]) => theirs === sign)).toBe(true);
  const orders = ours(
    ecosystem,
    recorded.map(([a, b]) => [a, b] as const),
  );
  expect(recorded.filter(([, , theirs], index) => orders[index] !== theirs)).toEqual([]);
});

describe('crates', () => {
  // Ascending, by the text of Semantic Versioning 2.0.0 section 11, which is Cargo's.
  const ascending = cross(
    ['0.1.0', '0.1.1', '1.0.0', '1.10.0'],
    ['-alpha', '-alpha.1', '-alpha.beta', '-beta', '-beta.2', '-beta.11', '-rc.1', ''],
  );
  test('all pairs', () => {
    const compare = versionOrder('crates.io');
    const all = ascending.flatMap((a, i) =>
      ascending.map((b, j) => [Math.sign(compare?.(a, b) ?? Number.NaN), Math.sign(i - j)]),
    );
    expect(all.length).toBeGreaterThan(200);
    expect(all.filter(([order, wanted]) => order !== wanted)).toEqual([]);
  });
});

test.each([
  ['PyPI', 'not-a-version'],
  ['PyPI', ''],
  ['PyPI', '1.0+'],
  ['PyPI', `${'1.'.repeat(1000)}1`],
  ['Maven', ''],
  ['Maven', '1'.repeat(1000)],
  ['crates.io', '1.0'],
])('%s has no place for "%s"', (ecosystem, version) => {
  expect(() => versionOrder(ecosystem)?.(version, '1.0.0')).toThrow(
    expect.objectContaining({ code: 'VERSION_INVALID' }),
  );
});
