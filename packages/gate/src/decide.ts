import { parseTime } from './age.js';
import type { EpssScores } from './epss.js';
import { type ExceptionReport, Exceptions } from './exceptions.js';
import { type Finding, isBlocking, type MergedFinding, type Suppression } from './finding.js';
import { FindingRecord } from './finding-record.js';
import { earlierSight, type FirstSeen } from './first-seen.js';
import type { KevCatalogue } from './kev.js';
import { mergeFindings } from './merge-findings.js';
import { byText, unique } from './order.js';
import { matchesPattern } from './pattern.js';
import {
  ACTIONS,
  type Action,
  laxer,
  type Mode,
  type Policy,
  type ReportKind,
  RULE_IDS,
  type RuleId,
} from './policy.js';
import type { RawFinding } from './raw-finding.js';
import { type Ruling, Rulings, type Step } from './rulings.js';
import { SEVERITIES, type Severity } from './severity.js';
import { type VexContext, VexIndex, type VexReport, type VexStatement } from './vex/vex-index.js';

const DAY_MS = 86_400_000;

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
  readonly epss?: EpssScores;
  readonly vex?: { readonly statements: readonly VexStatement[]; readonly context: VexContext };
  readonly unchecked: readonly Unchecked[];
  /** The effective policy, floor included. */
  readonly policy: Policy;
  readonly environment?: string;
  readonly branch?: string;
  readonly event?: string;
  readonly branchProtected: boolean;
  /** Kinds of document that were read; without it none is asked for. */
  readonly reportKinds?: readonly ReportKind[];
  /** When an earlier decision saw a finding for the first time. */
  readonly firstSeen?: FirstSeen;
  /** RFC 3339; exceptions and ages are judged at this time. */
  readonly asOf: string;
}

export interface Decision {
  readonly verdict: 'pass' | 'fail';
  readonly findings: readonly Finding[];
  readonly unchecked: readonly UncheckedResult[];
  /** Kinds of report that the policy requires here and nobody gave. */
  readonly missingReports: readonly ReportKind[];
  readonly rules: readonly RuleResult[];
  readonly exceptions: readonly ExceptionReport[];
  readonly vex: readonly VexReport[];
}

/** Everything that judges one finding after another. */
export class Judge {
  readonly #input: DecisionInput;
  readonly #at: number;
  readonly #times = new Map<number, string>();
  readonly rulings: Rulings;
  readonly exceptions: Exceptions;
  readonly vex: VexIndex;

  constructor(input: DecisionInput) {
    const { policy, branchProtected, branch, event, environment } = input;
    this.#input = input;
    this.#at = parseTime('the decision', input.asOf, 'POLICY_INVALID');
    this.rulings = new Rulings({ policy, branchProtected, branch, event, environment, atMs: this.#at });
    this.exceptions = new Exceptions(policy.exceptions.entries, this.#at, environment);
    this.vex = new VexIndex(input.vex?.statements ?? [], policy.vex, input.vex?.context, this.#at);
  }

  judge(merged: MergedFinding, step?: Step): Finding {
    const firstSeen = earlierSight(this.#input.firstSeen, merged, this.#at) ?? this.#input.asOf;
    const days = this.#input.policy.sla.days[merged.severity];
    const dueAtMs = days === undefined ? undefined : this.#msOf(firstSeen) + days * DAY_MS;
    const found = this.rulings.of(merged, dueAtMs, step);
    const suppressedBy = this.#suppression(merged);
    const { rule, action, mode } = suppressedBy === undefined ? found : this.#afterSuppression(found, suppressedBy);
    const dueAt = dueAtMs === undefined ? undefined : this.#timeOf(dueAtMs);
    return new FindingRecord(merged, { firstSeen, dueAt, suppressedBy, rule, action, mode });
  }

  #msOf(time: string): number {
    return time === this.#input.asOf ? this.#at : Date.parse(time);
  }

  /** Most findings are due at one of a few times. */
  #timeOf(ms: number): string {
    const known = this.#times.get(ms);
    if (known !== undefined) return known;
    const text = new Date(ms).toISOString();
    this.#times.set(ms, text);
    return text;
  }

  #suppression(finding: MergedFinding): Suppression | undefined {
    const excepted = this.exceptions.suppression(finding);
    // What is exploited today is above every statement and every ignore rule.
    if (excepted !== undefined || finding.kev !== undefined) return excepted;
    return this.vex.suppression(finding) ?? ownSuppression(finding);
  }

  #afterSuppression(ruling: Ruling, { by }: Suppression): Ruling {
    if (by !== 'scanner') return ruling;
    const { policy } = this.#input;
    const action = laxer(ruling.action, this.rulings.pick(policy.scannerSuppressions));
    const mode = ruling.mode === 'audit' ? 'audit' : policy.modes['scanner-suppression'];
    return { rule: 'scanner-suppression', action, mode };
  }
}

/** A finding that every source left out by itself; one source that shows it is enough to keep it open. */
function ownSuppression({ sources }: MergedFinding): Suppression | undefined {
  const [first] = sources;
  if (first?.suppressed === undefined || !sources.every(({ suppressed }) => suppressed !== undefined)) return undefined;
  return {
    by: 'scanner',
    scanner: unique(sources.map(({ name }) => name)).join(', '),
    reason: first.suppressed === '' ? 'no reason given' : first.suppressed,
  };
}

/** Worst first: what blocks, then what is exploited, then by action and severity; package and id decide ties. */
function rank(finding: Finding): number {
  return (
    (isBlocking(finding) ? 0 : 1000) +
    (finding.status === 'open' ? 0 : 500) +
    (finding.kev === undefined ? 100 : 0) +
    (ACTIONS.length - ACTIONS.indexOf(finding.action)) * 10 +
    SEVERITIES.indexOf(finding.severity)
  );
}

/** The order of the input, which is by package and id, decides ties. */
function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  // There are few ranks, and the findings of each stay as they are: nothing has to be compared.
  const byRank = new Map<number, Finding[]>();
  for (const finding of findings) {
    const place = rank(finding);
    const others = byRank.get(place);
    if (others === undefined) byRank.set(place, [finding]);
    else others.push(finding);
  }
  return [...byRank].sort(([a], [b]) => a - b).flatMap(([, own]) => own);
}

function outcome({ action, open, blocking }: Tally): RuleResult['outcome'] {
  if (open === 0) return 'pass';
  if (action === 'warn') return 'warn';
  if (action !== 'block') return 'pass';
  return blocking ? 'fail' : 'audit';
}

/** Open findings above the most that the policy allows of their severity. */
function excess(policy: Policy, findings: readonly Finding[]): number {
  if (Object.keys(policy.counts).length === 0) return 0;
  const open = countBySeverity(findings);
  return SEVERITIES.reduce((sum, severity) => {
    const most = policy.counts[severity];
    return sum + (most === undefined ? 0 : Math.max(0, open[severity] - most));
  }, 0);
}

/** What the policy requires here: of the branch's class, and of each pattern that matches its name. */
function missingReports({ policy, branch, branchProtected, reportKinds }: DecisionInput): readonly ReportKind[] {
  if (reportKinds === undefined) return [];
  const wanted = Object.entries(policy.required).flatMap(([name, kinds]) => {
    if (name === 'protected' || name === 'other') return (name === 'protected') === branchProtected ? kinds : [];
    return branch !== undefined && matchesPattern(name, branch) ? kinds : [];
  });
  return unique(wanted.filter((kind) => !reportKinds.includes(kind))) as readonly ReportKind[];
}

interface Tally {
  action: Action;
  open: number;
  suppressed: number;
  blocking: boolean;
}

function results(
  input: DecisionInput,
  rulings: Rulings,
  findings: readonly Finding[],
  unchecked: readonly UncheckedResult[],
  missing: readonly ReportKind[],
): RuleResult[] {
  const { policy } = input;
  const tallies = new Map<RuleId, Tally>();
  for (const finding of findings) {
    const { rule, action, status, suppressedBy } = finding;
    const tally = tallies.get(rule) ?? { action: 'trend', open: 0, suppressed: 0, blocking: false };
    tally.blocking ||= isBlocking(finding);
    const counts = status === 'open' || suppressedBy?.by === 'scanner';
    // The strictest of what it asked for: a rule may stand for findings of several kinds.
    if (counts && ACTIONS.indexOf(action) > ACTIONS.indexOf(tally.action)) tally.action = action;
    if (counts) tally.open++;
    else tally.suppressed++;
    tallies.set(rule, tally);
  }
  const refused = unchecked.filter(({ allowed }) => !allowed).length;
  const ofPolicy = (id: RuleId, open: number, suppressed = 0): Tally => ({
    action: 'block',
    open,
    suppressed,
    blocking: policy.modes[id] === 'enforce',
  });
  tallies.set('not-checked', ofPolicy('not-checked', refused, unchecked.length - refused));
  tallies.set('count', ofPolicy('count', excess(policy, findings)));
  tallies.set('required-report', ofPolicy('required-report', missing.length));
  return RULE_IDS.map((id) => {
    const general = SEVERITIES.includes(id as Severity) ? rulings.pick(policy.thresholds[id as Severity]) : 'block';
    const tally = tallies.get(id) ?? { action: general, open: 0, suppressed: 0, blocking: false };
    const { open, suppressed } = tally;
    const action = open === 0 ? general : tally.action;
    return { id, action, mode: id === 'kev' ? 'enforce' : policy.modes[id], open, suppressed, outcome: outcome(tally) };
  });
}

/**
 * Decides by the policy alone; no clock, no file, no network. KEV stands above every threshold, mode, statement and exception
 * but one that names the CVE. The same sets of findings give the same decision in the same order.
 */
export function decide(input: DecisionInput): Decision {
  const judge = new Judge(input);
  const findings = worstFirst(mergeFindings(input.findings, input).map((finding) => judge.judge(finding)));
  const unchecked = [...input.unchecked]
    .sort((a, b) => byText(a.ecosystem, b.ecosystem))
    .map((entry) => ({ ...entry, allowed: input.policy.notChecked.allow.includes(entry.ecosystem) }));
  const missing = missingReports(input);
  const rules = results(input, judge.rulings, findings, unchecked, missing);
  return {
    verdict: rules.some((rule) => rule.outcome === 'fail') ? 'fail' : 'pass',
    findings,
    unchecked,
    missingReports: missing,
    rules,
    exceptions: judge.exceptions.report(),
    vex: judge.vex.report(),
  };
}

/** Open findings by severity, every severity named. */
export function countBySeverity(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<Severity, number>;
  for (const { status, severity } of findings) if (status === 'open') counts[severity]++;
  return counts;
}
