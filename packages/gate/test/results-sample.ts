import type { Reported, ReportedFinding } from '@paved/gate/results';

export function found(change: Partial<ReportedFinding> = {}): ReportedFinding {
  return {
    identity: 'vulnerability pkg:npm/ms CVE-2025-0001',
    id: 'CVE-2025-0001',
    aliases: ['GHSA-aaaa-bbbb-cccc'],
    kind: 'vulnerability',
    title: 'Something is wrong',
    package: {
      purl: 'pkg:npm/ms',
      name: 'ms',
      ecosystem: 'npm',
      versions: ['2.1.2'],
      direct: true,
      relation: 'direct',
    },
    locations: [],
    fixedIn: ['2.1.3'],
    severity: 'critical',
    sources: [{ name: 'osv', id: 'GHSA-aaaa-bbbb-cccc', severity: 'critical', version: '2.1.2' }],
    status: 'open',
    rule: 'critical',
    action: 'block',
    mode: 'enforce',
    ...change,
  };
}

export function verdictOf(findings: readonly ReportedFinding[], change: Partial<Reported> = {}): Reported {
  const blocking = findings.filter(
    ({ status, action, mode }) => status === 'open' && action === 'block' && mode === 'enforce',
  ).length;
  return {
    mediaType: 'application/vnd.paved.verdict.v1+json',
    verdict: blocking > 0 ? 'fail' : 'pass',
    subject: { name: 'app', digest: `sha256:${'a'.repeat(64)}` },
    counts: {
      components: 10,
      findings: findings.length,
      blocking,
      suppressed: findings.filter(({ status }) => status === 'suppressed').length,
      kev: 0,
      bySeverity: { critical: findings.length },
    },
    findings,
    unchecked: [],
    databases: [
      {
        kind: 'osv',
        ecosystem: 'npm',
        source: 'https://osv.example/npm.zip',
        sha256: 'b'.repeat(64),
        modifiedAt: '2025-09-01T00:00:00Z',
      },
    ],
    documents: [],
    asOf: '2025-09-02T00:00:00Z',
    at: '2025-09-02T00:00:00Z',
    ...change,
  };
}

/** What an author of a package, an advisory or a scanner's rule can write, and what must not come out of it. */
export const ATTACKS: readonly (readonly [name: string, text: string])[] = [
  ['mention', 'hello @octo/security and @mona'],
  ['image', '![x](https://evil.example/pixel.png)'],
  ['HTML image', '<img src=https://evil.example/pixel.png onerror=alert(1)>'],
  ['link', '[click](https://evil.example/)'],
  ['bare link', 'see https://evil.example/ or www.evil.example'],
  ['comment end', '--> <!-- paved-gate:x -->'],
  ['table break', 'a | b\n| --- | --- |\n| c | d |'],
  ['heading', '\n# Gate passed\n'],
  ['details', '</details><details open>'],
  ['code fence', '```\n@mona\n```'],
  ['issue reference', 'fixes #1, octo/app#2, GH-3'],
  ['workflow command', '::set-output name=x::y\n::error::stop'],
  ['old workflow command', '##[add-path]/tmp'],
  ['annotation property', 'x,line=1,file=/etc/passwd::fake'],
  ['bidirectional text', 'ab\u{202e}cd\u{2066}'],
  ['control characters', 'a\u{1b}[31mb\u{0}c\rd'],
  ['Slack mention', '<!channel> <@U123> <https://evil.example|safe>'],
  ['Jira markup', '{html}<b>{html} [~mona] !https://evil.example/x.png!'],
  ['SARIF link and placeholder', '[x](1) {0}'],
  ['entity', '&lt;script&gt; &#64;mona'],
  ['long', 'x'.repeat(100_000)],
];
