import { gzipSync } from 'node:zlib';
import { digestHex, sha256 } from '@paved/digest';
import { SEVERITIES, type Severity } from '../severity.js';
import { type ManifestText, manifestLine } from './annotations.js';
import { blocks, type ReportedFinding } from './reported.js';
import { oneLine, placeOf, plainReason } from './words.js';

/** GitHub's limits for one upload (docs "SARIF support for code scanning"); of 25,000 results it keeps 5,000, so no more are sent. */
export const SARIF_LIMITS = { results: 5000, gzipBytes: 10 * 1024 * 1024, tags: 10, text: 1024, name: 255 } as const;

export interface SarifOptions {
  readonly tool: { readonly name: string; readonly version: string; readonly uri: string };
  /** Uploads of one category replace each other; ends up before the last `/` of `automationDetails.id`. */
  readonly category: string;
  /** Files of the repository on whose lines findings are shown. */
  readonly manifests: readonly ManifestText[];
  /** A real file of the repository, for findings that no manifest names (Dockerfile, lock file). */
  readonly fallbackPath: string;
  readonly limits?: { readonly results: number; readonly gzipBytes: number };
}

export interface SarifResult {
  readonly text: string;
  /** What was left out, least important first; never silently. */
  readonly dropped: { readonly results: number; readonly bySeverity: Readonly<Partial<Record<Severity, number>>> };
}

/** `security-severity` is a text; `unknown` has none, because a number would be a judgement. */
const SCORES: Readonly<Record<Severity, string | undefined>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  informational: '0.0',
  unknown: undefined,
};
const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  informational: 'note',
  unknown: 'warning',
};

/** As the document has it: ids that are cut to the same text are one rule, because the service takes none twice. */
function ruleIdOf({ id }: ReportedFinding): string {
  return oneLine(id, SARIF_LIMITS.name) || 'unnamed';
}

function ruleOf(id: string, findings: readonly ReportedFinding[]): object {
  const severity = SEVERITIES.find((word) => findings.some((finding) => finding.severity === word)) ?? 'unknown';
  const [first] = findings;
  const title = oneLine(first?.title ?? '', SARIF_LIMITS.text) || id;
  const names = [...new Set(findings.flatMap(({ aliases }) => aliases))].slice(0, 20).join(', ');
  const fixes = [...new Set(findings.flatMap(({ fixedIn }) => fixedIn))].slice(0, 20).join(', ');
  const help = `${title}\nAliases: ${names || 'none'}\nFixed in: ${fixes || 'no fix yet'}`;
  const score = SCORES[severity];
  return {
    id,
    name: id,
    shortDescription: { text: title },
    fullDescription: { text: title },
    help: { text: help },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: {
      tags: ['security', ...new Set(findings.map(({ kind }) => kind))].slice(0, SARIF_LIMITS.tags),
      ...(score === undefined ? {} : { 'security-severity': score }),
    },
  };
}

function locationOf(finding: ReportedFinding, { manifests, fallbackPath }: SarifOptions) {
  const own = finding.package === undefined ? finding.locations.find(({ path }) => isRepositoryPath(path)) : undefined;
  const place = own ?? manifestLine(manifests, finding.package) ?? { path: fallbackPath };
  const startLine = Math.max(1, place.line ?? 1);
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(place.path), uriBaseId: '%SRCROOT%' },
      region: { startLine, startColumn: 1, endLine: startLine, endColumn: 2 },
    },
  };
}

/** Relative, each part encoded: `#` and `?` are parts of names here. */
function uriOf(path: string): string {
  return path.toWellFormed().split('/').map(encodeURIComponent).join('/');
}

/** A URL, an absolute path or one that leaves the repository is shown at the fallback: GitHub could not open it. */
function isRepositoryPath(path: string): boolean {
  return !/^[a-z][a-z0-9+.-]*:|^\/|^\\|(?:^|\/)\.\.(?:\/|$)/i.test(path) && path !== '';
}

/** Without version and line: a bump to another vulnerable version is the same alert, and so is a moved line. */
function fingerprint(finding: ReportedFinding): string {
  return digestHex(sha256(finding.identity)).slice(0, 32);
}

function resultOf(finding: ReportedFinding, options: SarifOptions, ruleIndex: number): object {
  const fix = finding.fixedIn.length === 0 ? 'no fix yet' : `fixed in ${finding.fixedIn.slice(0, 5).join(', ')}`;
  const text = `${finding.id} in ${placeOf(finding)}: ${finding.title} (${finding.severity}, ${fix}; ${plainReason(finding)})`;
  return {
    ruleId: ruleIdOf(finding),
    ruleIndex,
    level: LEVELS[finding.severity],
    message: { text: plainMessage(oneLine(text, SARIF_LIMITS.text)) },
    locations: [locationOf(finding, options)],
    partialFingerprints: {
      primaryLocationLineHash: `${fingerprint(finding)}:1`,
      'pavedIdentity/v1': fingerprint(finding),
    },
    ...(finding.status === 'suppressed'
      ? {
          suppressions: [
            { kind: 'external', justification: oneLine(finding.suppressedBy?.reason ?? '', SARIF_LIMITS.text) },
          ],
        }
      : {}),
  };
}

/**
 * SARIF messages know embedded links `[text](target)` and placeholders `{0}` (section 3.11): neither may come from others. A backslash
 * of others would take away ours.
 */
function plainMessage(text: string): string {
  return text
    .replaceAll(/[[\]\\]/g, (character) => `\\${character}`)
    .replaceAll('{', '{{')
    .replaceAll('}', '}}');
}

function rank(finding: ReportedFinding): number {
  const open = finding.status === 'open' ? 0 : 100;
  const kev = finding.kev === undefined ? 10 : 0;
  return (blocks(finding) ? 0 : 1000) + open + kev + SEVERITIES.indexOf(finding.severity);
}

/**
 * SARIF 2.1.0 for GitHub code scanning: the worst findings first, as many as the service keeps, compressed below what it takes.
 * Same findings, same bytes.
 */
export function writeSarif(findings: readonly ReportedFinding[], options: SarifOptions): SarifResult {
  const limits = options.limits ?? SARIF_LIMITS;
  const sorted = findings
    .map((finding, index) => ({ finding, index }))
    .sort((a, b) => rank(a.finding) - rank(b.finding) || a.index - b.index);
  let kept = sorted.slice(0, limits.results).map(({ finding }) => finding);
  let text = document(kept, options);
  for (let size = gzipSync(text).length; kept.length > 0 && size > limits.gzipBytes; size = gzipSync(text).length) {
    // As many as may fit, and always fewer than before.
    const share = Math.floor((kept.length * limits.gzipBytes * 0.97) / size);
    kept = kept.slice(0, Math.min(share, kept.length - 1));
    text = document(kept, options);
  }
  const left = sorted.slice(kept.length).map(({ finding }) => finding);
  const bySeverity: Partial<Record<Severity, number>> = {};
  for (const { severity } of left) bySeverity[severity] = (bySeverity[severity] ?? 0) + 1;
  return { text, dropped: { results: left.length, bySeverity } };
}

function document(findings: readonly ReportedFinding[], options: SarifOptions): string {
  const groups = new Map<string, ReportedFinding[]>();
  for (const finding of findings) {
    const id = ruleIdOf(finding);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [finding]);
    else group.push(finding);
  }
  const ids = [...groups.keys()];
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const { tool, category } = options;
  const run = {
    tool: {
      driver: {
        name: tool.name,
        semanticVersion: tool.version,
        informationUri: tool.uri,
        rules: ids.map((id) => ruleOf(id, groups.get(id) ?? [])),
      },
    },
    automationDetails: { id: `${category.replaceAll(/[^A-Za-z0-9._/-]/g, '-')}/` },
    columnKind: 'utf16CodeUnits',
    results: findings.map((finding) => resultOf(finding, options, indexOf.get(ruleIdOf(finding)) ?? 0)),
  };
  const sarif = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return `${JSON.stringify(sarif)}\n`;
}
