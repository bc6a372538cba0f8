import { type Finding, isBlocking, SEVERITIES, type Verdict } from '@paved/gate';
import type { ActionContext, Summary } from '@paved/runner-kit';

const MAX_ROWS = 200;
const HEAD = ['Package', 'Version', 'Fixed in', 'Vulnerability', 'Severity', 'KEV', 'Why'];

const REASONS: Partial<Record<Finding['rule'], string>> = {
  epss: 'likely to be exploited (EPSS)',
  sla: 'open for longer than its severity allows',
  licence: 'licence that the policy does not allow',
};

function suppressionOf(by: NonNullable<Finding['suppressedBy']>): string {
  if (by.by === 'exception') return `excepted until ${by.expires} by ${by.owner}: ${by.reason}`;
  if (by.by === 'vex') return `${by.status} says ${by.author} (${by.document}): ${by.reason}`;
  return `left out by ${by.scanner} itself: ${by.reason}`;
}

/** Name and versions of the package, or the place of what is in none. */
export function placeOf({ package: found, locations: [first] }: Finding): readonly [string, string] {
  if (found !== undefined) return [found.name, found.versions.join(', ')];
  if (first === undefined) return ['', ''];
  return [first.line === undefined ? first.path : `${first.path}:${first.line}`, ''];
}

/** Why a finding has the effect that it has, in one clause. */
export function reasonOf(finding: Finding): string {
  const { suppressedBy, kev, rule, action, mode } = finding;
  if (finding.status === 'suppressed' && suppressedBy !== undefined && !isBlocking(finding)) {
    return suppressionOf(suppressedBy);
  }
  if (kev !== undefined) return `exploited today (CISA KEV, since ${kev.dateAdded})`;
  if (finding.kind === 'malware') return 'malicious package';
  if (suppressedBy?.by === 'scanner') return `left out by ${suppressedBy.scanner} itself (${suppressedBy.reason})`;
  const what = rule === 'unknown' ? 'nobody has judged its severity' : (REASONS[rule] ?? `severity ${rule}`);
  return mode === 'audit' ? `${what}: would ${action}, in audit mode` : `${what}: ${action}`;
}

function row(finding: Finding): readonly string[] {
  const { fixedIn, severity, disagreement, sources, kev } = finding;
  const words = [...new Set(sources.map((source) => `${source.name} says ${source.severity}`))].join(', ');
  return [
    ...placeOf(finding),
    fixedIn.length > 0 || finding.package === undefined ? fixedIn.join(', ') : 'no fix yet',
    [finding.id, ...finding.aliases].join(' '),
    disagreement ? `${severity} (${words})` : severity,
    kev === undefined ? '' : 'KEV',
    reasonOf(finding),
  ];
}

function table(summary: Summary, findings: readonly Finding[]): void {
  summary.table(HEAD, findings.slice(0, MAX_ROWS).map(row));
  if (findings.length > MAX_ROWS) {
    summary.paragraph(`${findings.length - MAX_ROWS} more are in verdict.json.`);
  }
}

function section(summary: Summary, title: string, findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  summary.details(`${title} (${findings.length})`, (inner) => table(inner, findings));
}

function verdictLine({ verdict, counts, asOf }: Verdict): string {
  const severities = SEVERITIES.filter((severity) => counts.bySeverity[severity] > 0)
    .map((severity) => `${counts.bySeverity[severity]} ${severity}`)
    .join(', ');
  const found = severities === '' ? 'nothing open' : severities;
  return `${verdict === 'pass' ? 'Passed' : 'Blocked'} as of ${asOf}: ${counts.components} components, ${found}.`;
}

function evidence(summary: Summary, verdict: Verdict): void {
  summary.details('Databases, policy and exceptions', (inner) => {
    const databases = verdict.databases.map((entry) => [
      entry.ecosystem ?? entry.kind,
      String(entry.records),
      entry.modifiedAt,
      entry.sha256,
    ]);
    if (databases.length > 0) inner.table(['Database', 'Records', 'Modified', 'SHA-256'], databases);
    const { source, path, commit } = verdict.policy;
    inner.paragraph(
      `Policy: ${source}${path === undefined ? '' : ` ${path}`}${commit === undefined ? '' : ` at ${commit}`}`,
    );
    const rows = verdict.exceptions.map((entry) => [entry.id, entry.package, entry.owner, entry.expires, entry.state]);
    if (rows.length > 0) inner.table(['Exception', 'Package', 'Owner', 'Expires', 'State'], rows);
    const statements = verdict.vex.map((entry) => [
      entry.id,
      entry.status,
      entry.author,
      entry.document,
      stateOf(entry),
    ]);
    if (statements.length > 0) {
      inner.table(['VEX', 'Says', 'Author', 'Document', 'State'], statements.slice(0, MAX_ROWS));
    }
  });
}

function stateOf({ state, code }: Verdict['vex'][number]): string {
  return code === undefined ? state : `${state} (${code})`;
}

/** What a reader needs first comes first: what blocks, then what is not known, then the rest behind a click. */
export function summarise(verdict: Verdict, { summary, log }: ActionContext): void {
  const blocking = verdict.findings.filter(isBlocking);
  const rest = verdict.findings.filter((finding) => finding.status === 'open' && !isBlocking(finding));
  summary.heading(verdict.verdict === 'pass' ? 'Gate: passed' : 'Gate: blocked').paragraph(verdictLine(verdict));
  if (blocking.length > 0) table(summary, blocking);
  if (verdict.unchecked.length > 0) {
    const effect = (allowed: boolean) => (allowed ? 'not checked, allowed by the policy' : 'not checked: block');
    const rows = verdict.unchecked.map((entry) => [entry.ecosystem, String(entry.packages), effect(entry.allowed)]);
    summary.heading('Not checked', 3).table(['Ecosystem', 'Packages', 'Effect'], rows);
  }
  section(summary, 'Open, not blocking', rest);
  section(
    summary,
    'Excepted',
    verdict.findings.filter(({ status }) => status === 'suppressed'),
  );
  evidence(summary, verdict);
  warnAboutExceptions(verdict, log);
  log.info(verdictLine(verdict));
}

function warnAboutExceptions({ exceptions }: Verdict, log: ActionContext['log']): void {
  for (const { id, package: pattern, owner, expires, state, endsSoon, daysLeft } of exceptions) {
    const name = `The exception for ${id} in ${pattern} (${owner})`;
    if (state === 'expired') log.warning(`${name} ended on ${expires}`);
    else if (endsSoon) log.warning(`${name} ends on ${expires}, in ${daysLeft} days`);
    else if (state === 'unused') log.notice(`${name} is not needed any more`);
  }
}
