import { digestHex, sha256 } from '@paved/digest';
import { type Finding, RULES } from './finding.js';

/** The gate knows this name: it is a report of misconfigurations, and never one that a policy requires. */
export const TOOL_NAME = 'paved-checks';

/** SARIF 2.1.0; two findings on one line are told apart by what they are about. */
export function buildSarif(findings: readonly Finding[]): unknown {
  const rules = Object.entries(RULES).map(([id, { level, text }]) => ({
    id,
    shortDescription: { text },
    defaultConfiguration: { level },
    // By default the gate blocks what is critical on every branch; the rest warns before it is merged.
    properties: { 'security-severity': level === 'error' ? '9.0' : '5.0' },
  }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver: { name: TOOL_NAME, rules } }, results: findings.map(result) }],
  };
}

function result(finding: Finding): unknown {
  const { rule, detail, path, line = 1, commit } = finding;
  const fingerprint = digestHex(sha256(JSON.stringify([rule, path, line, commit, detail])));
  return {
    ruleId: rule,
    level: RULES[rule].level,
    message: { text: detail },
    partialFingerprints: { primaryLocationLineHash: fingerprint },
    ...(path === undefined ? {} : { locations: [location(path, line)] }),
  };
}

/** A URI (section 3.4.3): a file name with `?`, `#` or a line feed must not end or split it. */
function location(path: string, startLine: number): unknown {
  const uri = path.split('/').map(encodeName).join('/');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine } } };
}

function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}
