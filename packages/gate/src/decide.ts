import { parseTime } from './age.js';
import { type ExceptionReport, Exceptions } from './exceptions.js';
import { type Finding, isBlocking, type MergedFinding } from './finding.js';
import type { KevCatalogue } from './kev.js';
import { mergeFindings } from './merge-findings.js';
import { thresholdsIn } from './merge-floor.js';
import { byText } from './order.js';
import { ACTIONS, type Action, type Mode, type Policy, RULE_IDS, type RuleId } from './policy.js';
import type { RawFinding } from './raw-finding.js';
import { SEVERITIES, type Severity } from './severity.js';

/** Packages of an ecosystem that no database was given for; `kev` for a missing catalogue. Never the same as "clean". */
export interface Unchecked {
  readonly ecosystem: string;
  readonly packages: number;
}

export interface UncheckedResult extends Unchecked {
  readonly allowed: boolean;
}

/** What one rule came to. `audit`: it would have failed, and is not enforced. */
export interface RuleResult {
  readonly id: RuleId;
  readonly action: Action;
  readonly mode: Mode;
  readonly open: number;
  readonly suppressed: number;
  readonly outcome: 'pass' | 'warn' | 'fail' | 'audit';
}

export interface DecisionInput {
  readonly findings: readonly RawFinding[];
  readonly kev?: KevCatalogue;
  readonly unchecked: readonly Unchecked[];
  /** The effective policy, floor included. */
  readonly policy: Policy;
  readonly environment?: string;
  readonly branchProtected: boolean;
  /** RFC 3339; exceptions and ages are judged at this time. */
  readonly asOf: string;
}

export interface Decision {
  readonly verdict: 'pass' | 'fail';
  readonly findings: readonly Finding[];
  readonly unchecked: readonly UncheckedResult[];
  readonly rules: readonly RuleResult[];
  readonly exceptions: readonly ExceptionReport[];
}

interface Ruling {
  readonly rule: RuleId;
  readonly action: Action;
  readonly mode: Mode;
}

type RuleTable = Readonly<Record<RuleId, Ruling>>;

function ruleTable({ policy, environment, branchProtected }: DecisionInput): RuleTable {
  const thresholds = thresholdsIn(policy, environment);
  const ruling = (rule: RuleId): Ruling => {
    if (rule === 'kev') return { rule, action: 'block', mode: 'enforce' };
    if (rule === 'not-checked') return { rule, action: 'block', mode: policy.modes[rule] };
    return { rule, action: thresholds[rule][branchProtected ? 'protected' : 'other'], mode: policy.modes[rule] };
  };
  return Object.fromEntries(RULE_IDS.map((rule) => [rule, ruling(rule)])) as Record<RuleId, Ruling>;
}

function judge(finding: MergedFinding, table: RuleTable, exceptions: Exceptions): Finding {
  const ruling = finding.kev === undefined ? table[finding.severity] : table.kev;
  const suppressedBy = exceptions.suppression(finding);
  if (suppressedBy === undefined) return { ...finding, status: 'open', ...ruling };
  return { ...finding, status: 'suppressed', suppressedBy, ...ruling };
}

/** Worst first: what blocks, then what is exploited, then by action and severity; package and id decide ties. */
function compareFindings(a: Finding, b: Finding): number {
  const rank = (finding: Finding) => [
    isBlocking(finding) ? 0 : 1,
    finding.status === 'open' ? 0 : 1,
    finding.kev === undefined ? 1 : 0,
    -ACTIONS.indexOf(finding.action),
    SEVERITIES.indexOf(finding.severity),
  ];
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) {
    const order = value - (right[index] ?? 0);
    if (order !== 0) return order;
  }
  return byText(`${a.package.purl}\0${a.id}`, `${b.package.purl}\0${b.id}`);
}

function outcome({ action, mode }: Ruling, open: number): RuleResult['outcome'] {
  if (open === 0) return 'pass';
  if (action === 'warn') return 'warn';
  if (action !== 'block') return 'pass';
  return mode === 'enforce' ? 'fail' : 'audit';
}

function results(table: RuleTable, findings: readonly Finding[], unchecked: readonly UncheckedResult[]): RuleResult[] {
  return RULE_IDS.map((id) => {
    const { action, mode } = table[id];
    const own = findings.filter(({ rule }) => rule === id);
    const refused = unchecked.filter(({ allowed }) => !allowed).length;
    const open = id === 'not-checked' ? refused : own.filter(({ status }) => status === 'open').length;
    const suppressed = id === 'not-checked' ? unchecked.length - refused : own.length - open;
    return { id, action, mode, open, suppressed, outcome: outcome(table[id], open) };
  });
}

/**
 * Decides by the policy alone; no clock, no file, no network. KEV stands above every threshold, mode and exception but one that
 * names the CVE. The same sets of findings give the same decision in the same order.
 */
export function decide(input: DecisionInput): Decision {
  const table = ruleTable(input);
  const atMs = parseTime('the decision', input.asOf, 'POLICY_INVALID');
  const exceptions = new Exceptions(input.policy.exceptions.entries, atMs);
  const findings = mergeFindings(input.findings, input.kev)
    .map((finding) => judge(finding, table, exceptions))
    .sort(compareFindings);
  const unchecked = [...input.unchecked]
    .sort((a, b) => byText(a.ecosystem, b.ecosystem))
    .map((entry) => ({ ...entry, allowed: input.policy.notChecked.allow.includes(entry.ecosystem) }));
  const rules = results(table, findings, unchecked);
  return {
    verdict: rules.some((rule) => rule.outcome === 'fail') ? 'fail' : 'pass',
    findings,
    unchecked,
    rules,
    exceptions: exceptions.report(),
  };
}

/** Open findings by severity, every severity named. */
export function countBySeverity(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const open = findings.filter(({ status }) => status === 'open');
  const count = (severity: Severity) => open.filter((finding) => finding.severity === severity).length;
  return Object.fromEntries(SEVERITIES.map((severity) => [severity, count(severity)])) as Record<Severity, number>;
}
