import { canonicalPurl, purlOf } from '@paved/bom';
import { array, JsonError, object, optional, parseJson, string } from '@paved/json';
import { GateError } from './error.js';
import { byText } from './order.js';
import { fixedVersion } from './osv-range.js';
import { isMalware, judgementOf, type OsvRecord, osvRecord, titleOf } from './osv-record.js';
import type { RawFinding } from './raw-finding.js';
import type { ParsedReport } from './reports/parsed-report.js';
import { type Severity, severityOfScore } from './severity.js';
import { versionOrder } from './version-order.js';

const MAX_FINDINGS = 250_000;
const SCANNER = 'osv-scanner';

const group = object({ ids: array(string), max_severity: optional(string) });
const reportPackage = object({
  package: object({ name: string, version: string, ecosystem: string }),
  vulnerabilities: optional(array(osvRecord)),
  groups: optional(array(group)),
});
const report = object({
  results: array(object({ source: object({ path: string, type: string }), packages: optional(array(reportPackage)) })),
});
type ReportPackage = ReturnType<typeof reportPackage>;

/** purl types of ecosystems that osv-scanner reads and whose findings have a package URL. */
const PURL_TYPES: Readonly<Record<string, string>> = {
  'crates.io': 'cargo',
  Packagist: 'composer',
  RubyGems: 'gem',
  NuGet: 'nuget',
  Pub: 'pub',
  PyPI: 'pypi',
  Hex: 'hex',
};

export interface ReportCounts {
  readonly sources: number;
  readonly packages: number;
  readonly vulnerabilities: number;
  readonly uniqueIds: number;
  readonly groups: number;
}

export interface OsvReport {
  readonly scanner: typeof SCANNER;
  readonly counts: ReportCounts;
  readonly findings: readonly RawFinding[];
}

function purlFor(named: ReportPackage['package']): string {
  // Half a character has no encoding.
  const [name, version, ecosystem] = [named.name, named.version, named.ecosystem].map((text) =>
    text.toWellFormed(),
  ) as [string, string, string];
  if (ecosystem === 'npm' || ecosystem === 'Go') return purlOf(ecosystem, name, version === '' ? '0' : version);
  const path = name.split(/[/:]/).map(encodeURIComponent).join('/');
  const type = Object.hasOwn(PURL_TYPES, ecosystem) ? PURL_TYPES[ecosystem] : undefined;
  const maven = ecosystem === 'Maven' ? 'maven' : undefined;
  const base = `pkg:${type ?? maven ?? `generic/${encodeURIComponent(ecosystem)}`}/${path}`;
  return canonicalPurl(version === '' ? base : `${base}@${encodeURIComponent(version)}`);
}

/** The scanner's own score per alias group stands in where a record has no severity. */
function groupSeverity(entry: ReportPackage, id: string): Severity {
  const score = entry.groups?.find(({ ids }) => ids.includes(id))?.max_severity;
  if (score === undefined || !/^\d{1,2}(?:\.\d+)?$/.test(score)) return 'unknown';
  return severityOfScore(Number(score));
}

function finding(entry: ReportPackage, vulnerability: OsvRecord, reportName: string, path: string): RawFinding {
  const { name, version, ecosystem } = entry.package;
  const same = ({ package: named }: OsvRecord['affected'][number]) =>
    named !== undefined && named.ecosystem === ecosystem && named.name === name;
  const part = vulnerability.affected.find(same);
  const compare = versionOrder(ecosystem);
  const fixedIn = part === undefined || compare === undefined ? undefined : fixedVersion(version, part, compare);
  const judged = judgementOf(vulnerability, part);
  return {
    source: {
      name: SCANNER,
      id: vulnerability.id,
      ...(judged.severity === 'unknown' ? { severity: groupSeverity(entry, vulnerability.id) } : judged),
      report: reportName,
      version,
      ...(path === '' ? {} : { location: { path } }),
    },
    ids: [...new Set([vulnerability.id, ...vulnerability.aliases])].sort(byText),
    kind: isMalware(vulnerability) ? 'malware' : 'vulnerability',
    purl: purlFor(entry.package),
    ecosystem,
    name,
    version,
    ...(fixedIn === undefined ? {} : { fixedIn }),
    title: titleOf(vulnerability),
    direct: false,
    scope: 'runtime',
  };
}

function unsupported(format: string): GateError {
  return new GateError('REPORT_UNSUPPORTED', `Cannot read a report: it is ${format}`, {
    hint: 'Give the JSON report of osv-scanner (--format json)',
  });
}

/** Says what a report is instead, because "malformed" would send its author looking in the wrong place. */
function refuseOtherFormats(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if ('runs' in value) throw unsupported('SARIF');
  if ('matches' in value && 'descriptor' in value) throw unsupported("grype's own JSON");
  if ('SchemaVersion' in value) throw unsupported("trivy's own JSON");
  if ('bomFormat' in value || 'spdxVersion' in value) throw unsupported('an SBOM');
}

/**
 * Reads a report of osv-scanner. An empty file is an error: only `results: []` says that nothing was found.
 * @throws {GateError} `REPORT_EMPTY`, `REPORT_MALFORMED`, `REPORT_UNSUPPORTED`
 */
export function parseOsvReport(what: string, text: string): OsvReport {
  if (text.trim() === '') {
    throw new GateError('REPORT_EMPTY', `Cannot read report ${what}: it is empty`, {
      hint: 'An empty file is no answer; look at the log of the scanner',
    });
  }
  let document: ReturnType<typeof report>;
  try {
    document = parseJson(what, text, (value) => {
      refuseOtherFormats(value);
      return report(value);
    });
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is truncated or no report`, { cause });
  }
  return summed(what, what, document);
}

function summed(what: string, reportName: string, document: ReturnType<typeof report>): OsvReport {
  const entries = document.results.flatMap(({ source, packages: found = [] }) =>
    found.map((entry) => ({ entry, path: source.path.slice(0, 500) })),
  );
  const vulnerabilities = entries.flatMap(({ entry }) => entry.vulnerabilities ?? []);
  if (vulnerabilities.length > MAX_FINDINGS) {
    throw new GateError('REPORT_TOO_LARGE', `Cannot read report ${what}: it has ${vulnerabilities.length} findings`);
  }
  return {
    scanner: SCANNER,
    counts: {
      sources: document.results.length,
      packages: entries.length,
      vulnerabilities: vulnerabilities.length,
      uniqueIds: new Set(vulnerabilities.map(({ id }) => id)).size,
      groups: entries.reduce((sum, { entry: { groups = [] } }) => sum + groups.length, 0),
    },
    findings: entries.flatMap(({ entry, path }) =>
      (entry.vulnerabilities ?? []).map((record) => finding(entry, record, reportName, path)),
    ),
  };
}

/** The same for a document that is parsed already. @throws {GateError} `REPORT_MALFORMED`, `REPORT_TOO_LARGE` */
export function readOsvReport(what: string, name: string, value: unknown): ParsedReport {
  let document: ReturnType<typeof report>;
  try {
    document = report(value);
  } catch (cause) {
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is no report of osv-scanner`, { cause });
  }
  const { findings } = summed(what, name, document);
  return { format: 'osv-scanner', scanner: SCANNER, kinds: ['sca'], findings, subjects: [] };
}
