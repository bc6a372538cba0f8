import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  annotationsOf,
  BACKLOG_MEDIA_TYPE,
  buildBacklog,
  buildComment,
  COMMENT_LIMIT,
  catalogOwners,
  commentMarker,
  cosignVulnPredicate,
  deduplicationKey,
  issueRequest,
  jiraPayload,
  matchesRule,
  measure,
  metricsChart,
  ownersOf,
  parseCodeOwners,
  parseReported,
  slackPayload,
  vulnsPredicates,
  workflowCommand,
  writeSarif,
} from '@paved/gate/results';
import { escapeMarkdown } from '@paved/runner-kit';
import { Ajv } from 'ajv';
import { ATTACKS, found, verdictOf } from './results-sample.js';

const SHARED = join(process.cwd(), '..', 'shared', 'fixtures');
const options = { escapeText: escapeMarkdown, key: 'app', detailsUrl: 'https://github.com/octo/app/actions/runs/1' };
const context = { ...options, subject: 'app', owners: ['@octo/team'] };
const sarifOptions = {
  tool: { name: 'paved', version: '1.0.0', uri: 'https://github.com/org/paved' },
  category: 'gate',
  manifests: [{ path: 'package-lock.json', text: '{\n  "node_modules/mssql": {},\n  "node_modules/ms": {\n' }],
  fallbackPath: 'package-lock.json',
};

describe('a verdict from another job', () => {
  const text = JSON.stringify(verdictOf([found()]));

  test('is read', () => expect(parseReported(text).findings).toHaveLength(1));

  test.each([
    ['empty', ''],
    ['truncated', text.slice(0, -20)],
    ['another document', '{"mediaType":"application/json"}'],
    ['a pass that lists what blocks', text.replace('"verdict":"fail"', '"verdict":"pass"')],
    ['findings taken out', JSON.stringify({ ...verdictOf([found()]), findings: [] })],
    ['a finding made harmless', text.replace('"action":"block"', '"action":"trend"')],
  ])('%s: is refused', (_name, hostile) => {
    expect(() => parseReported(hostile)).toThrow(expect.objectContaining({ code: 'VERDICT_MALFORMED' }));
  });
});

/** Strings by which markup would show itself in text that was not escaped. */
function assertInert(markdown: string): void {
  const visible = markdown.replaceAll(/&#\d+;/g, '');
  expect(visible).not.toMatch(/@(?:octo\/security|mona)/);
  expect(visible).not.toMatch(/!\[|<img|<script|<details|\]\(https:\/\/evil/);
  expect(visible).not.toMatch(/https?:\/\/evil|www\.evil/);
  expect(visible).not.toMatch(/[\u{202e}\u{2066}]/u);
  expect(visible).not.toMatch(/(?!\n)\p{Cc}/u);
  expect(visible).not.toMatch(/#[12]\b|GH-3/);
}

describe.each(ATTACKS)('hostile text: %s', (_name, attack) => {
  const hostile = found({ title: attack, id: attack, aliases: [attack], fixedIn: [attack] });
  const finding = { ...hostile, package: { ...found().package, name: attack, versions: [attack] } } as typeof hostile;
  const verdict = verdictOf([finding], {
    subject: { name: attack, digest: 'sha256:00' },
    unchecked: [{ ecosystem: attack, packages: 1, allowed: false }],
  });

  test('shows as itself in a comment', () => {
    const comment = buildComment(verdict, options);
    assertInert(comment);
    expect(comment.split('\n').filter((line) => line.startsWith('<!--'))).toEqual([commentMarker('app')]);
    expect(comment.split('\n').filter((line) => line.startsWith('|'))).toHaveLength(3);
    expect(comment.length).toBeLessThanOrEqual(COMMENT_LIMIT);
  });

  test('shows as itself in an issue, and mentions the owner alone', () => {
    const { body, title } = issueRequest(finding, context);
    assertInert(body);
    expect(body.match(/(?<!&#64;\u{200b})@[\w/]+/gu)).toEqual(['@octo/team']);
    expect(title).not.toMatch(/@\w|[\r\n]/);
    expect(title.length).toBeLessThanOrEqual(200);
  });

  test('starts no workflow command', () => {
    const place = { path: attack.slice(0, 200), line: 3, level: 'error' as const, title: attack, message: attack };
    const line = workflowCommand(place);
    expect(line).not.toMatch(/[\r\n]/);
    const [, properties = ''] = /^::error (.*?)::/.exec(line) ?? [];
    expect(properties.split(',')).toHaveLength(3);
  });

  test('is no mention and no markup in webhooks', () => {
    const slack = slackPayload([finding], context).blocks[0]?.text.text ?? '';
    expect(slack.match(/<[^>]*>/g)).toEqual([`<${options.detailsUrl}|Everything that was found>`]);
    expect(slack).not.toMatch(/@(?:octo\/security|mona)|https:\/\/evil/);
    const { description, summary } = jiraPayload(finding, { ...context, project: 'SEC' }).fields;
    expect(description).not.toMatch(/(?<!\\)\{html\}|(?<!\\)\[~|https:\/\/evil/);
    expect(summary.length).toBeLessThanOrEqual(250);
  });

  test('is a plain message in SARIF', () => {
    const { text } = writeSarif([finding], sarifOptions);
    const [result] = (JSON.parse(text) as { runs: [{ results: { message: { text: string } }[] }] }).runs[0].results;
    expect(result?.message.text).not.toMatch(/(?<!\\)[[\]]|(?<!\{)\{0\}/);
    expect(result?.message.text.length).toBeLessThanOrEqual(2100);
  });
});

describe('the comment', () => {
  test('has the shortest useful table', () => {
    const later = found({ id: 'CVE-2', severity: 'low', action: 'backlog', rule: 'low' });
    const comment = buildComment(verdictOf([found(), later]), options);
    expect(comment).toContain('⛔ Gate blocked');
    expect(comment).toContain('CVE-2025-0001');
    expect(comment).not.toContain('CVE-2 ');
    expect(comment).toContain(options.detailsUrl);
  });

  test('stays within any limit, and counts what it left out', () => {
    const many = Array.from({ length: 500 }, (_, index) => found({ id: `CVE-2025-${index}`, title: '@'.repeat(500) }));
    for (const maxChars of [COMMENT_LIMIT, 5000, 1000]) {
      const comment = buildComment(verdictOf(many), { ...options, maxChars });
      expect(comment.length).toBeLessThanOrEqual(maxChars);
      expect(comment).toContain('more that block or warn');
    }
  });
});

describe('annotations', () => {
  test('stand on the line that brings the package, not on one that looks like it', () => {
    expect(annotationsOf([found()], sarifOptions.manifests)).toMatchObject([
      { path: 'package-lock.json', line: 3, level: 'error' },
    ]);
    expect(annotationsOf([found()], [{ path: 'a.json', text: '"mssql": 1\n"@x/ms": 2\n"ms-x": 1' }])).toEqual([]);
  });

  test('are the ten worst of a level', () => {
    const many = Array.from({ length: 30 }, (_, index) => found({ id: `CVE-${index}` }));
    expect(annotationsOf(many, sarifOptions.manifests)).toHaveLength(10);
  });
});

interface Sarif {
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: { readonly rules: readonly { id: string; properties: Record<string, unknown> }[] };
      };
      readonly results: readonly {
        ruleId: string;
        partialFingerprints: Record<string, string>;
        suppressions?: unknown;
      }[];
    },
  ];
}
const sarifOf = (text: string) => (JSON.parse(text) as Sarif).runs[0];

describe('SARIF', () => {
  test('fingerprints know no version and no line', () => {
    const one = sarifOf(writeSarif([found()], sarifOptions).text).results[0]?.partialFingerprints;
    const bumped = found();
    const next = { ...bumped, package: { ...bumped.package, versions: ['2.1.9'] }, sources: [] } as typeof bumped;
    const two = sarifOf(writeSarif([next], { ...sarifOptions, manifests: [] }).text).results[0]?.partialFingerprints;
    expect(two).toEqual(one);
    const other = sarifOf(writeSarif([found({ identity: 'another' })], sarifOptions).text).results[0]
      ?.partialFingerprints;
    expect(other).not.toEqual(one);
  });

  test('keeps the worst, and says what it dropped', () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      found({
        id: `CVE-${index}`,
        identity: `${index}`,
        severity: index < 10 ? 'low' : 'critical',
        action: index < 10 ? 'backlog' : 'block',
      }),
    );
    const { text, dropped } = writeSarif(many, { ...sarifOptions, limits: { results: 22, gzipBytes: 1e6 } });
    expect(dropped).toEqual({ results: 8, bySeverity: { low: 8 } });
    expect(sarifOf(text).results).toHaveLength(22);
    const small = writeSarif(many, { ...sarifOptions, limits: { results: 30, gzipBytes: 1500 } });
    expect(small.dropped.results).toBeGreaterThan(0);
  });

  test('severity is a text, and nobody judges what nobody judged', () => {
    const { rules } = sarifOf(writeSarif([found(), found({ id: 'B', severity: 'unknown' })], sarifOptions).text).tool
      .driver;
    expect(rules.map(({ properties }) => properties['security-severity'])).toEqual(['9.5', undefined]);
  });

  test('suppressed findings say so', () => {
    const excepted = found({ status: 'suppressed', suppressedBy: { by: 'exception', reason: 'not reachable' } });
    expect(sarifOf(writeSarif([excepted], sarifOptions).text).results[0]?.suppressions).toEqual([
      { kind: 'external', justification: 'not reachable' },
    ]);
  });

  const schema = join(SHARED, 'sarif', 'sarif-schema-2.1.0.json');
  (existsSync(schema) ? test : test.skip)('holds to the published schema (skipped where ../shared is absent)', () => {
    const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, logger: false });
    // Draft 4 says `id` where ajv knows `$id`; nothing in the document refers to it.
    const { id: _id, $schema: _schema, ...rules } = JSON.parse(readFileSync(schema, 'utf8')) as Record<string, unknown>;
    const validate = ajv.compile(rules);
    const all = ATTACKS.map(([, text], index) => found({ id: text, title: text, identity: `${index}` }));
    expect([validate(JSON.parse(writeSarif(all, sarifOptions).text)), validate.errors]).toEqual([true, null]);
    expect(validate({ version: '2.1.0', runs: [{}] })).toBe(false);
  });
});

interface PatternCase {
  readonly name: string;
  readonly pattern: string;
  readonly paths: Readonly<Record<string, boolean>>;
}

describe('owners', () => {
  const present = existsSync(join(SHARED, 'codeowners', 'expected.json'));
  const load = <T>(file: string, absent: T): T =>
    present ? (JSON.parse(readFileSync(join(SHARED, 'codeowners', file), 'utf8')) as T) : absent;
  const own = join(process.cwd(), 'test', 'fixtures', 'codeowners', 'patterns.json');
  const cases = JSON.parse(readFileSync(own, 'utf8')) as readonly PatternCase[];
  const wanted = load('expected.json', {
    patterns: { patterns: 0, paths: 0 },
    real: {} as Record<string, { rules: number; distinctOwners: number; rulesWithoutOwner: number }>,
  });

  test.each(cases.map((item) => [item.name, item] as const))('%s', (_name, { pattern, paths }) => {
    const [rule] = parseCodeOwners(`${pattern} @octo`);
    const outcome = Object.keys(paths).map((path) => [path, rule !== undefined && matchesRule(rule, path)]);
    expect(Object.fromEntries(outcome)).toEqual(paths);
  });

  (present ? describe : describe.skip)('files of real projects (skipped where ../shared is absent)', () => {
    test('every pattern that has an outcome is here', () => {
      expect(cases).toHaveLength(wanted.patterns.patterns);
      expect(cases.flatMap(({ paths }) => Object.keys(paths))).toHaveLength(wanted.patterns.paths);
    });
    test.each(Object.entries(wanted.real))('%s', (file, outcome) => {
      const rules = parseCodeOwners(readFileSync(join(SHARED, 'codeowners', file), 'utf8'));
      expect({
        rules: rules.length,
        distinctOwners: new Set(rules.flatMap(({ owners }) => owners)).size,
        rulesWithoutOwner: rules.filter(({ owners }) => owners.length === 0).length,
      }).toEqual(outcome);
    });
  });

  test('the last rule wins, also when it takes the owner away', () => {
    const rules = parseCodeOwners('* @a\n/docs/ @b # their part\n/docs/free\n!x @c\n[ab] @d\n');
    expect(['x', 'docs/y', 'docs/free'].map((path) => ownersOf(rules, path))).toEqual([['@a'], ['@b'], []]);
    expect(rules).toHaveLength(3);
  });

  test('a hostile pattern takes no time', () => {
    const [rule] = parseCodeOwners(`${'*a'.repeat(400)} @x`);
    expect(rule !== undefined && matchesRule(rule, 'a'.repeat(2000))).toBe(true);
    const [deep] = parseCodeOwners(`${'**/'.repeat(300)}b @x`);
    expect(deep !== undefined && matchesRule(deep, `${'a/'.repeat(300)}c`)).toBe(false);
  });

  test('owners of a catalogue are references, and nothing else', () => {
    const entity = (owner: unknown) => ({ kind: 'Component', spec: { owner } });
    const owners = [
      entity('group:default/payments'),
      entity('payments'),
      entity('user:mona'),
      entity('@x\n::y'),
      {},
      null,
    ];
    expect(catalogOwners(owners)).toEqual(['payments', 'user:mona']);
  });
});

describe('what is told to others', () => {
  test('one key for one problem, whatever the version', () => {
    const bumped = found({ fixedIn: [], sources: [] });
    expect(deduplicationKey(bumped, 'app')).toBe(deduplicationKey(found(), 'app'));
    expect(deduplicationKey(found(), 'other')).not.toBe(deduplicationKey(found(), 'app'));
    expect(issueRequest(found(), context).body).toContain(`<!-- ${deduplicationKey(found(), 'app')} -->`);
  });

  test('nobody is mentioned who is no owner', () => {
    const { body } = issueRequest(found(), { ...context, owners: ['mail@example.com', '@octo/team @all', 'payments'] });
    expect(body).toContain('Nobody owns this');
  });

  test('the backlog has what is for later, and nothing else', () => {
    const later = found({ id: 'CVE-2', action: 'backlog', rule: 'low', severity: 'low' });
    expect(buildBacklog(verdictOf([found(), later]))).toMatchObject({
      mediaType: BACKLOG_MEDIA_TYPE,
      entries: [{ id: 'CVE-2', purl: 'pkg:npm/ms' }],
    });
  });

  test('one predicate per scanner, also for one that found nothing', () => {
    const documents = [
      {
        kind: 'grype',
        name: 'grype.json',
        sha256: 'c',
        scanner: 'grype',
        createdAt: '2025-09-01T10:00:00Z',
        databaseBuiltAt: '2025-09-01T01:00:00Z',
      },
    ];
    const predicates = vulnsPredicates(verdictOf([found()], { documents }));
    expect(predicates.map(({ scanner }) => scanner)).toEqual(['grype', 'osv']);
    expect(predicates[0]?.predicate).toEqual({
      scanner: { uri: 'https://github.com/anchore/grype', db: { lastUpdate: '2025-09-01T01:00:00Z' }, result: [] },
      metadata: { scanStartedOn: '2025-09-01T10:00:00Z', scanFinishedOn: '2025-09-01T10:00:00Z' },
    });
    expect(predicates[1]?.predicate).toMatchObject({
      scanner: { result: [{ id: 'GHSA-aaaa-bbbb-cccc', severity: [{ score: 'critical' }] }] },
    });
    const cosign = cosignVulnPredicate(verdictOf([found()]), 'osv', { uri: 'u', eventId: 'e', builderId: 'b' });
    expect(cosign).toMatchObject({ invocation: { event_id: 'e', 'builder.id': 'b' }, scanner: { result: [{}] } });
  });

  test('metrics count hours, and measure nothing where nothing was seen', () => {
    const seen = {
      identity: 'a',
      subject: 'app',
      severity: 'high' as const,
      published: '2025-09-01T00:00:00Z',
      firstSeen: '2025-09-01T06:00:00Z',
    };
    const metrics = measure(
      [seen, { ...seen, identity: 'b', gone: '2025-09-02T06:00:00Z' }],
      { published: 4, checked: 3 },
      '2025-09-03T00:00:00Z',
    );
    expect(metrics).toMatchObject({
      meanTimeToDetectHours: 6,
      meanTimeToRemediateHours: 24,
      debtRatio: 0.5,
      coverage: 0.75,
      closed: 1,
    });
    expect(measure([], { published: 0, checked: 0 }, 'x')).not.toHaveProperty('debtRatio');
    expect(metricsChart(metrics)).toContain('bar [0, 1, 0, 0, 0, 0]');
  });
});
