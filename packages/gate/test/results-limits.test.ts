import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { annotationsOf, buildComment, COMMENT_LIMIT, SARIF_LIMITS, writeSarif } from '@paved/gate/results';
import { escapeMarkdown } from '@paved/runner-kit';
import { found, verdictOf } from './results-sample.js';

const sarifOptions = {
  tool: { name: 'paved', version: '1.0.0', uri: 'https://github.com/org/paved' },
  category: 'gate',
  manifests: [],
  fallbackPath: 'package-lock.json',
};
const commentOptions = {
  escapeText: escapeMarkdown,
  key: 'app',
  detailsUrl: 'https://github.com/octo/app/actions/runs/1',
};

interface Rule {
  readonly id: string;
  readonly name: string;
  readonly shortDescription: { readonly text: string };
  readonly fullDescription: { readonly text: string };
  readonly help: { readonly text: string };
  readonly properties: { readonly tags: readonly string[] };
}
interface Run {
  readonly tool: { readonly driver: { readonly rules: readonly Rule[] } };
  readonly results: readonly {
    readonly ruleId: string;
    readonly ruleIndex: number;
    readonly message: { readonly text: string };
    readonly locations: readonly unknown[];
  }[];
}
const runsOf = (text: string) => (JSON.parse(text) as { runs: readonly Run[] }).runs;

/** The service refuses an empty text wherever it stands. */
function emptyTexts(value: unknown, path = '$'): readonly string[] {
  if (value === '') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => emptyTexts(member, `${path}.${key}`));
}

describe('SARIF at the limits of code scanning', () => {
  const numbered = (count: number) =>
    Array.from({ length: count }, (_, index) => found({ id: `CVE-2025-${index}`, identity: `${index}` }));

  test.each([
    [SARIF_LIMITS.results, 0],
    [SARIF_LIMITS.results + 1, 1],
    [25_001, 20_001],
  ])('%d findings: %d are left out, and counted', (count, left) => {
    const { text, dropped } = writeSarif(numbered(count), sarifOptions);
    expect(runsOf(text)).toHaveLength(1);
    expect(runsOf(text)[0]?.results).toHaveLength(count - left);
    expect(runsOf(text)[0]?.tool.driver.rules.length).toBeLessThanOrEqual(25_000);
    expect(dropped).toEqual({ results: left, bySeverity: left === 0 ? {} : { critical: left } });
    expect(gzipSync(text).length).toBeLessThanOrEqual(SARIF_LIMITS.gzipBytes);
  });

  test('what no compressor makes smaller is cut to 10 MiB, and not to half of that', () => {
    const noise = () => randomBytes(700).toString('base64');
    const many = Array.from({ length: 5000 }, (_, index) =>
      found({ id: `R-${index}`, identity: `${index}`, title: noise(), aliases: [noise(), noise(), noise()] }),
    );
    const { text, dropped } = writeSarif(many, sarifOptions);
    const size = gzipSync(text).length;
    expect(size).toBeLessThanOrEqual(SARIF_LIMITS.gzipBytes);
    expect(size).toBeGreaterThan(SARIF_LIMITS.gzipBytes * 0.8);
    expect(dropped.results).toBe(5000 - (runsOf(text)[0]?.results.length ?? 0));
    expect(dropped.results).toBeGreaterThan(0);
  });

  test('texts, tags and locations stay within theirs, and none is empty', () => {
    const long = 'x'.repeat(5000);
    const locations = Array.from({ length: 2000 }, (_, index) => ({ path: `src/${index}.ts`, line: index + 1 }));
    const kinds = [
      'sast',
      'secret',
      'dast',
      'licence',
      'policy',
      'malware',
      'misconfiguration',
      'vulnerability',
    ] as const;
    const { package: _package, ...unpackaged } = found({ id: long, title: long, locations });
    const odd = [
      unpackaged,
      ...kinds.map((kind) => found({ id: 'same', kind, identity: kind, title: '', fixedIn: [], aliases: [] })),
      found({ id: 'path', locations: [{ path: '', line: 0 }], title: '\u{202e}' }),
    ];
    const [run] = runsOf(writeSarif(odd, sarifOptions).text);
    for (const { id, name, shortDescription, fullDescription, help, properties } of run?.tool.driver.rules ?? []) {
      expect(id.length).toBeLessThanOrEqual(SARIF_LIMITS.name);
      expect(name.length).toBeLessThanOrEqual(SARIF_LIMITS.name);
      expect(shortDescription.text.length).toBeLessThanOrEqual(SARIF_LIMITS.text);
      expect(fullDescription.text.length).toBeLessThanOrEqual(SARIF_LIMITS.text);
      expect(properties.tags.length).toBeLessThanOrEqual(SARIF_LIMITS.tags);
      expect(help.text).not.toBe('');
    }
    for (const { locations: shown } of run?.results ?? []) expect(shown).toHaveLength(1);
    expect(emptyTexts(run)).toEqual([]);
  });

  test('rules whose ids are cut to the same text stay one rule', () => {
    const head = 'r'.repeat(300);
    const findings = ['a', 'b'].map((tail) => found({ id: `${head}${tail}`, identity: tail }));
    const [run] = runsOf(writeSarif(findings, sarifOptions).text);
    const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    expect(run?.results.every(({ ruleId, ruleIndex }) => ids[ruleIndex] === ruleId)).toBe(true);
  });

  test('a path with signs of a URL is a path', () => {
    const { package: _package, ...finding } = found({ locations: [{ path: 'src/a#b?c d%.ts', line: 1 }] });
    expect(writeSarif([finding], sarifOptions).text).toContain('"uri":"src/a%23b%3Fc%20d%25.ts"');
  });
});

describe('the comment at its limit', () => {
  const hostile = '&<>@*_[]|`\\!#~'.repeat(40);
  const many = Array.from({ length: 3000 }, (_, index) => {
    const finding = found({ id: `${hostile}${index}`, title: hostile, fixedIn: [hostile, hostile, hostile] });
    return { ...finding, package: { ...found().package, name: hostile, versions: [hostile] } } as typeof finding;
  });
  const unchecked = Array.from({ length: 500 }, (_, index) => ({
    ecosystem: `${hostile}${index}`,
    packages: index,
    allowed: false,
  }));

  test('is at most 65,536 characters of whatever they write, and says how many rows it left out', () => {
    const verdict = verdictOf(many, { unchecked, subject: { name: hostile, digest: 'sha256:00' } });
    const comment = buildComment(verdict, commentOptions);
    expect(COMMENT_LIMIT).toBe(65_536);
    expect(comment.length).toBeLessThanOrEqual(COMMENT_LIMIT);
    expect([...comment].length).toBeLessThanOrEqual(COMMENT_LIMIT);
    const rows = comment.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---')).length - 1;
    expect(comment).toContain(`${many.length - rows} more that block or warn.`);
    expect(comment).toContain('and 480 more');
  });
});

describe('annotations stand where the package is brought in', () => {
  const at = (name: string, ecosystem: string, path: string, text: string) => {
    const finding = found();
    const bound = { ...finding, package: { ...finding.package, name, ecosystem } } as typeof finding;
    return annotationsOf([bound], [{ path, text }]).map(({ line }) => line);
  };

  test.each<[string, string, string, string, readonly number[]]>([
    ['ms', 'npm', 'package.json', '{\n "dependencies": {\n  "mssql": "1",\n  "ms": "2.1.2"\n', [4]],
    ['@types/node', 'npm', 'package.json', '{\n "node": "1",\n "@types/node": "24"\n', [3]],
    ['github.com/BurntSushi/toml', 'Go', 'go.mod', 'module x\n\nrequire github.com/BurntSushi/toml v1.3.2\n', [3]],
    ['requests', 'PyPI', 'requirements.txt', '# req\nrequests-oauthlib==1\nRequests[socks]==2.31 \\\n', [3]],
    ['ruamel.yaml', 'PyPI', 'requirements.txt', 'ruamel-yaml-clib==1\nruamel_yaml==0.18\n', [2]],
    ['serde', 'crates.io', 'Cargo.toml', '[dependencies]\nserde_json = "1"\nserde = "1"\n', [3]],
    [
      'org.apache:log4j-core',
      'Maven',
      'pom.xml',
      '<dependency>\n<groupId>org.apache</groupId>\n<artifactId>log4j-core-x</artifactId>\n<artifactId>log4j-core</artifactId>\n',
      [4],
    ],
    [
      'org.apache:log4j-core',
      'Maven',
      'build.gradle',
      'dependencies {\n implementation "org.apache:log4j-core:2.0"\n',
      [2],
    ],
    ['rails', 'RubyGems', 'Gemfile', "gem 'rails-i18n'\ngem 'rails', '~> 7'\n", [2]],
    ['absent', 'npm', 'package.json', '{"absentee": 1}', []],
  ])('%s (%s) in %s', (name, ecosystem, path, text, lines) => {
    expect(at(name, ecosystem, path, text)).toEqual(lines);
  });
});
