import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_POLICY, decide, type GateError, parseReport, thresholdTable } from '@paved/gate';

function codeOf(text: string | Uint8Array): string {
  try {
    parseReport('r.json', typeof text === 'string' ? Buffer.from(text) : text);
    return 'read';
  } catch (error) {
    return (error as GateError).code;
  }
}

const sarif = (results: unknown, more: object = {}) =>
  JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: 'Tool', rules: [] } }, results, ...more }] });

describe('a report that is no answer', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['empty', '', 'REPORT_EMPTY'],
    ['blank', ' \n\t', 'REPORT_EMPTY'],
    ['cut off', '{"matches":[{"vulnerability":{"id":"CVE', 'REPORT_MALFORMED'],
    ['not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'REPORT_MALFORMED'],
    ['a message', 'panic: runtime error', 'REPORT_MALFORMED'],
    ['null', 'null', 'REPORT_UNSUPPORTED'],
    ['a number', '0', 'REPORT_UNSUPPORTED'],
    ['an empty list', '[]', 'REPORT_UNSUPPORTED'],
    ['an empty object', '{}', 'REPORT_MALFORMED'],
    ['matches of nobody', '{"matches":[]}', 'REPORT_MALFORMED'],
    ['an error object', '{"error":"rate limited"}', 'REPORT_MALFORMED'],
    ['an SBOM', '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}', 'REPORT_UNSUPPORTED'],
    ['SPDX', '{"spdxVersion":"SPDX-2.3"}', 'REPORT_UNSUPPORTED'],
    ['an envelope', '{"payloadType":"application/vnd.in-toto+json","payload":""}', 'REPORT_UNSUPPORTED'],
    ['trivy of another schema', '{"SchemaVersion":3,"Results":[]}', 'REPORT_UNSUPPORTED'],
    ['SARIF without runs', '{"version":"2.1.0","runs":null,"$schema":"sarif"}', 'REPORT_MALFORMED'],
    ['SARIF of version 1', '{"version":"1.0.0","runs":[]}', 'REPORT_MALFORMED'],
    ['SARIF of a run without a tool', '{"version":"2.1.0","runs":[{}]}', 'REPORT_MALFORMED'],
    ['SARIF of a crash', sarif([], { invocations: [{ executionSuccessful: false }] }), 'SCANNER_FAILED'],
    ['SARIF whose results are a number', sarif(42), 'REPORT_MALFORMED'],
    ['gzip of nothing', gzipSync(''), 'REPORT_EMPTY'],
    ['gzip that is cut off', gzipSync('{"matches":[],"descriptor":{}}').subarray(0, 20), 'REPORT_MALFORMED'],
    ['gzip of 129 MiB', gzipSync(Buffer.alloc(129 * 1024 * 1024, 0x20)), 'REPORT_TOO_LARGE'],
    ['UTF-16', Buffer.from('\ufeff{"matches":[],"descriptor":{}}', 'utf16le'), 'REPORT_MALFORMED'],
    ['SARIF results of another kind', sarif(['x']), 'REPORT_MALFORMED'],
    ['a match without a package', '{"descriptor":{},"matches":[{"vulnerability":{"id":"CVE-1"}}]}', 'REPORT_MALFORMED'],
    ['deep', '['.repeat(100_000), 'REPORT_TOO_LARGE'],
    ['deep in a string only', JSON.stringify({ a: '['.repeat(100_000) }), 'REPORT_MALFORMED'],
    ['dense', `[${'[],'.repeat(2_000_000)}[]]`, 'REPORT_TOO_LARGE'],
    [
      'too many results',
      sarif(Array.from({ length: 300_000 }, () => ({ ruleId: 'r', message: { text: 'x' } }))),
      'REPORT_TOO_LARGE',
    ],
  ])('%s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  // Ends of strings are found in two ways, by length; backslashes at the border belong to the right string in both.
  test.each(Array.from({ length: 12 }, (_, more) => 42 + more))(
    'brackets after a string of %i characters count, those in it do not',
    (length) => {
      for (const tail of ['', '\\\\', '\\"', '\\\\\\"', '\\"\\"x', '\\\\'.repeat(5)]) {
        const text = `"${'x'.repeat(length)}${tail}${'['.repeat(300)}${tail}"`;
        expect(JSON.parse(text)).toHaveLength(length + 300 + 2 * (JSON.parse(`"${tail}"`) as string).length);
        expect(codeOf(`{"a":${text}}`)).toBe('REPORT_MALFORMED');
        expect(codeOf(`{"a":${text},"b":${'['.repeat(300)}${']'.repeat(300)}}`)).toBe('REPORT_TOO_LARGE');
      }
    },
  );

  test('above 128 MiB', () => {
    expect(codeOf(new Uint8Array(128 * 1024 * 1024 + 1))).toBe('REPORT_TOO_LARGE');
  });

  test.each<[string, string, string | undefined]>([
    ['an empty list of results', sarif([]), undefined],
    ['no list of results', sarif(undefined), 'Tool lists no results'],
    ['null for results', sarif(null), 'Tool lists no results'],
    [
      'results in other files',
      sarif([], { externalPropertyFileReferences: { results: [{ location: { uri: 'r.json' } }] } }),
      'Tool keeps results in other files',
    ],
  ])('SARIF with %s is complete or says why not', (_what, text, incomplete) => {
    expect(parseReport('r', Buffer.from(text)).incomplete).toBe(incomplete);
  });

  test('packed or not, it is the same report', () => {
    const text = Buffer.from(sarif([{ ruleId: 'a', message: { text: 'x' } }]));
    expect(parseReport('r', gzipSync(text))).toEqual(parseReport('r', text));
  });

  test('its error quotes nothing of it', () => {
    try {
      parseReport('r', Buffer.from('{"token":"ghp_canary", oops'));
    } catch (error) {
      const { message, cause } = error as GateError & { cause?: Error };
      expect(`${message} ${cause?.message}`).not.toContain('canary');
      return;
    }
    throw new Error('it was read');
  });
});

describe('hostile SARIF', () => {
  const read = (results: unknown, tool = 'Tool', rules: unknown = []) =>
    parseReport(
      'r',
      Buffer.from(JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: tool, rules } }, results }] })),
    ).findings;

  test('of ZAP: neither request nor response nor message nor query', () => {
    const [found] = read(
      [
        {
          ruleId: '10020',
          message: { text: 'evidence: password=canary' },
          webRequest: { headers: { Authorization: 'Bearer canary' } },
          webResponse: { body: { text: 'canary' } },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: 'https://app.example/login?token=canary' },
                region: { startLine: 1, snippet: { text: 'canary' } },
              },
            },
          ],
        },
      ],
      'OWASP ZAP',
      [{ id: '10020', shortDescription: { text: 'Missing header' } }],
    );
    expect(JSON.stringify(found)).not.toContain('canary');
    expect(found).toMatchObject({
      kind: 'dast',
      title: 'Missing header',
      source: { location: { path: 'https://app.example/login' } },
    });
  });

  test('of a secret scanner: not the message, and no level means nobody judged it', () => {
    const [found] = read([{ ruleId: 'aws', message: { text: 'AKIAcanary found' } }], 'gitleaks');
    expect(JSON.stringify(found)).not.toContain('canary');
    expect(found).toMatchObject({ kind: 'secret', source: { severity: 'unknown' } });
    const decision = decide({
      findings: [found as never],
      unchecked: [],
      policy: DEFAULT_POLICY,
      branchProtected: false,
      asOf: '2025-01-01T00:00:00Z',
    });
    expect(decision.verdict).toBe('fail');
  });

  test('a passed check is no finding', () => {
    expect(
      read(
        [
          { ruleId: 'a', kind: 'pass', message: { text: 'x' } },
          { ruleId: 'b', level: 'none', message: { text: 'x' } },
        ],
        'conftest',
      ),
    ).toEqual([]);
  });

  test.each([
    [[{ kind: 'inSource' }], true],
    [[{ kind: 'external', status: 'accepted' }], true],
    [[{ kind: 'external', status: 'underReview' }], false],
    [[{ kind: 'inSource' }, { kind: 'external', status: 'rejected' }], false],
    [[], false],
  ])('suppressions %j: %s', (suppressions, isSuppressed) => {
    const [found] = read([{ ruleId: 'a', level: 'error', message: { text: 'x' }, suppressions }]);
    expect(found?.source.suppressed !== undefined).toBe(isSuppressed);
  });

  test.each<[object, object, string]>([
    [{ level: 'error' }, {}, 'high'],
    [{}, { defaultConfiguration: { level: 'note' } }, 'low'],
    [{}, {}, 'medium'],
    [{ level: 'note' }, { properties: { 'security-severity': '9.8' } }, 'critical'],
    [{ level: 'error' }, { properties: { 'security-severity': 'NaN' } }, 'high'],
    [{ level: 'error', properties: { 'security-severity': 0 } }, {}, 'informational'],
  ])('severity of %j with rule %j: %s', (result, rule, severity) => {
    const [found] = read([{ ruleId: 'a', message: { text: 'x' }, ...result }], 'Tool', [{ id: 'a', ...rule }]);
    expect(found?.source.severity).toBe(severity);
  });

  test('checkov calls everything an error without a key: nobody judged it', () => {
    expect(read([{ ruleId: 'CKV_1', level: 'error', message: { text: 'x' } }], 'checkov')[0]).toMatchObject({
      kind: 'misconfiguration',
      source: { severity: 'unknown' },
    });
  });

  test('long and many-lined texts become one short line', () => {
    const [found] = read([{ ruleId: 'a', message: { text: `::error::x\n${'y'.repeat(1_000_000)}` } }]);
    expect(found?.title.length).toBeLessThanOrEqual(300);
    expect(found?.title).not.toContain('\n');
  });
});

describe('the same grype scan', () => {
  const match = {
    vulnerability: { id: 'GHSA-aaaa-bbbb-cccc', severity: 'High', fix: { versions: ['1.0.1'], state: 'fixed' } },
    relatedVulnerabilities: [{ id: 'CVE-2024-1111' }],
    artifact: { name: 'p', version: '1.0.0', type: 'npm', purl: 'pkg:npm/p@1.0.0' },
  };
  test('as JSON and CycloneDX', () => {
    const json = parseReport(
      'j',
      Buffer.from(JSON.stringify({ matches: [match], descriptor: { name: 'grype' } })),
    ).findings;
    const document = {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { tools: { components: [{ name: 'grype' }] } },
      components: [{ 'bom-ref': 'r', name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' }],
      vulnerabilities: [
        {
          id: 'GHSA-aaaa-bbbb-cccc',
          references: [{ id: 'CVE-2024-1111' }],
          ratings: [{ severity: 'high' }],
          affects: [{ ref: 'r' }],
          recommendation: 'Upgrade to 1.0.1',
        },
      ],
    };
    const cyclonedx = parseReport('c', Buffer.from(JSON.stringify(document))).findings;
    const facts = (list: typeof json) =>
      list.map(({ ids, purl, version, fixedIn, source }) => ({
        ids,
        purl,
        version,
        fixedIn,
        name: source.name,
        severity: source.severity,
      }));
    expect(facts(cyclonedx)).toEqual(facts(json));
  });

  test('an advisory of a distribution that names several CVEs makes them no aliases', () => {
    const related = [{ id: 'CVE-2024-1111' }, { id: 'CVE-2024-2222' }];
    const document = { matches: [{ ...match, relatedVulnerabilities: related }], descriptor: {} };
    expect(parseReport('j', Buffer.from(JSON.stringify(document))).findings[0]).toMatchObject({
      ids: ['GHSA-aaaa-bbbb-cccc'],
      mentions: ['CVE-2024-1111', 'CVE-2024-2222'],
    });
  });
});

test('the table of SECURITY.md comes from the policy', () => {
  expect(thresholdTable(DEFAULT_POLICY)).toContain('| critical | blocks | blocks | 24 h |');
  expect(thresholdTable(DEFAULT_POLICY)).toContain('| high | blocks | warns | 7 days |');
});
