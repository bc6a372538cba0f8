import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROSE =
  'A flaw was found in the way the parser handles lengths that it reads from the network; a crafted message makes it write behind its buffer. ';
const MATCHES = 100_000;
const PACKAGES = 12_000;

/** Words that differ from match to match, so that no engine shares their memory. */
function prose(index: number): string {
  return `${index} ${PROSE.repeat(6)}${index}`;
}

function references(index: number): readonly string[] {
  return [1, 2, 3, 4, 5, 6].map((part) => `https://advisories.example/${index}/references/${part}`);
}

const id = (index: number) => `CVE-${2000 + (index % 25)}-${10_000 + index}`;
const purl = (index: number) => `pkg:npm/package-${index % PACKAGES}@1.${index % 50}.${index % 7}`;
const name = (index: number) => `package-${index % PACKAGES}`;
const version = (index: number) => `1.${index % 50}.${index % 7}`;
const WORDS = ['Critical', 'High', 'Medium', 'Low', 'Negligible', 'Unknown'];
const VECTOR = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';

function grypeMatch(index: number): object {
  return {
    vulnerability: {
      id: id(index),
      dataSource: `https://nvd.nist.gov/vuln/detail/${id(index)}`,
      namespace: 'github:language:javascript',
      severity: WORDS[index % WORDS.length],
      urls: references(index),
      description: prose(index),
      cvss: [{ type: 'Primary', version: '3.1', vector: VECTOR, metrics: { baseScore: 9.8, impactScore: 5.9 } }],
      epss: [{ cve: id(index), epss: 0.01, percentile: 0.5, date: '2025-08-01' }],
      fix: { versions: [`2.0.${index % 9}`], state: 'fixed' },
    },
    relatedVulnerabilities: [],
    matchDetails: [
      { type: 'exact-direct-match', matcher: 'javascript-matcher', found: { versionConstraint: '<2.0.0' } },
    ],
    artifact: {
      id: `a${index}`,
      name: name(index),
      version: version(index),
      type: 'npm',
      locations: [{ path: `/app/node_modules/${name(index)}/package.json` }],
      licenses: ['MIT'],
      purl: purl(index),
    },
  };
}

function trivyEntry(index: number): object {
  return {
    VulnerabilityID: id(index),
    PkgName: name(index),
    PkgIdentifier: { PURL: purl(index), UID: `u${index}` },
    InstalledVersion: version(index),
    FixedVersion: `2.0.${index % 9}`,
    Status: 'fixed',
    SeveritySource: 'ghsa',
    PrimaryURL: `https://avd.aquasec.com/nvd/${id(index)}`,
    Title: `Title of ${id(index)}`,
    Description: prose(index),
    Severity: (WORDS[index % 4] ?? '').toUpperCase(),
    CVSS: { nvd: { V3Vector: VECTOR, V3Score: 9.8 } },
    References: references(index),
    PublishedDate: '2025-01-01T00:00:00Z',
  };
}

function sarifResult(index: number): object {
  return {
    ruleId: `rule-${index % 500}`,
    level: ['error', 'warning', 'note'][index % 3],
    message: { text: prose(index) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: `src/module-${index % 3000}/file-${index}.ts`, uriBaseId: '%SRCROOT%' },
          region: { startLine: 1 + (index % 900), startColumn: 1, endLine: 1 + (index % 900), endColumn: 80 },
          contextRegion: { startLine: 1, snippet: { text: prose(index).slice(0, 300) } },
        },
      },
    ],
    partialFingerprints: { primaryLocationLineHash: `${index.toString(16).padStart(16, '0')}:1` },
  };
}

/** Three reports with 100,000 matches of at least 1.5 KB together; returns their paths. */
export function writeReports(folder: string): readonly string[] {
  const part = Math.ceil(MATCHES / 3);
  const list = (from: number, to: number, make: (index: number) => object) => {
    const entries = Array.from({ length: to - from }, (_, offset) => JSON.stringify(make(from + offset)));
    const smallest = Math.min(...entries.map((entry) => entry.length));
    if (smallest < 1500) throw new Error(`Cannot measure: a match has ${smallest} bytes`);
    return entries.join(',');
  };
  const rules = Array.from({ length: 500 }, (_, index) => ({
    id: `rule-${index}`,
    shortDescription: { text: `Rule ${index}` },
  }));
  const texts = {
    'grype.json': `{"matches":[${list(0, part, grypeMatch)}],"source":{},"descriptor":{"name":"grype","version":"0.116.0"}}`,
    'trivy.json': `{"SchemaVersion":2,"ArtifactName":"app","Results":[{"Target":"package-lock.json","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[${list(part / 2, part / 2 + part, trivyEntry)}]}]}`,
    'semgrep.sarif': `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"semgrep","rules":${JSON.stringify(rules)}}},"results":[${list(2 * part, MATCHES, sarifResult)}]}]}`,
  };
  return Object.entries(texts).map(([file, text]) => {
    const path = join(folder, file);
    writeFileSync(path, text);
    return path;
  });
}

/** 500 exceptions, of which some cover something. */
export function exceptions(): readonly object[] {
  return Array.from({ length: 500 }, (_, index) => ({
    id: id(index * 40),
    package: index % 2 === 0 ? `pkg:npm/${name(index * 40)}` : 'pkg:npm/other-*',
    owner: '@octo/web',
    reason: 'The function is not reachable from our code',
    created: '2025-08-01',
    expires: '2025-09-20',
  }));
}

/** 200 VEX statements in one OpenVEX document. */
export function vexDocument(): string {
  const statements = Array.from({ length: 200 }, (_, index) => ({
    vulnerability: { name: id(index * 90 + 1) },
    products: [{ '@id': purl(index * 90 + 1) }],
    status: 'not_affected',
    justification: 'vulnerable_code_not_in_execute_path',
  }));
  return JSON.stringify({
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': 'https://example.com/vex',
    author: 'Octo',
    timestamp: '2025-08-01T00:00:00Z',
    version: 1,
    statements,
  });
}
