import type { MergedFinding } from './finding.js';
import { isDenied, isSatisfied, parseLicenceExpression } from './licence-expression.js';
import { stricterThresholds } from './merge-floor.js';
import { matchesPattern } from './pattern.js';
import {
  type Action,
  laxer,
  type Mode,
  type Policy,
  type RuleId,
  stricter,
  type Threshold,
  type Thresholds,
} from './policy.js';

/** Where the decision is taken. */
export interface Circumstances {
  readonly policy: Policy;
  readonly branchProtected: boolean;
  readonly branch?: string | undefined;
  readonly event?: string | undefined;
  readonly environment?: string | undefined;
  readonly atMs: number;
}

export interface Ruling {
  readonly rule: RuleId;
  readonly action: Action;
  readonly mode: Mode;
}

/** One step on the way to a ruling, for `explain`. */
export type Step = (rule: string, action: Action, detail: string) => void;
const silent: Step = () => undefined;

/** State of a licence under the policy's lists. */
export function licenceState(policy: Policy, licence: string): 'allowed' | 'denied' | 'unresolved' {
  const { licences } = policy;
  const expression = parseLicenceExpression(licence);
  if (expression === undefined) return 'unresolved';
  if (licences === undefined) return 'allowed';
  if (isDenied(expression, licences.deny)) return 'denied';
  return licences.allow === undefined || isSatisfied(expression, licences.allow) ? 'allowed' : 'denied';
}

/** Applies the rules of one policy in one place; thresholds are worked out once per kind and relation. */
export class Rulings {
  readonly #at: Circumstances;
  readonly #tables = new Map<string, Thresholds>();
  readonly #rulings = new Map<string, Ruling>();

  constructor(circumstances: Circumstances) {
    this.#at = circumstances;
  }

  pick(threshold: Threshold): Action {
    return this.#at.branchProtected ? threshold.protected : threshold.other;
  }

  #ruling(rule: RuleId, action: Action): Ruling {
    const key = `${rule} ${action}`;
    const known = this.#rulings.get(key);
    if (known !== undefined) return known;
    const ruling = { rule, action, mode: this.#at.policy.modes[rule] };
    this.#rulings.set(key, ruling);
    return ruling;
  }

  /** Thresholds for a kind of finding and a relation: what stands instead of the general ones, then what tightens. */
  thresholds(kind: MergedFinding['kind'], relation: string): Thresholds {
    const key = `${kind} ${relation}`;
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const { policy, branch, event, environment } = this.#at;
    let table: Thresholds = { ...policy.thresholds, ...policy.kinds[kind] };
    if (Object.hasOwn(policy.relations, relation)) {
      table = { ...table, ...policy.relations[relation as keyof Policy['relations']] };
    }
    if (environment !== undefined && Object.hasOwn(policy.environments, environment)) {
      table = stricterThresholds(table, policy.environments[environment] ?? {});
    }
    if (event !== undefined && Object.hasOwn(policy.events, event)) {
      table = stricterThresholds(table, policy.events[event] ?? {});
    }
    for (const [pattern, own] of Object.entries(policy.branches)) {
      if (branch !== undefined && matchesPattern(pattern, branch)) table = stricterThresholds(table, own);
    }
    this.#tables.set(key, table);
    return table;
  }

  /** The ruling for an open finding, with every rule that had a say told to `step`. */
  of(finding: MergedFinding, dueAtMs: number | undefined, step: Step = silent): Ruling {
    if (finding.kev !== undefined) {
      step('kev', 'block', `${finding.kev.cve} is exploited (in the catalogue since ${finding.kev.dateAdded})`);
      return { rule: 'kev', action: 'block', mode: 'enforce' };
    }
    const licence = this.#licence(finding, step);
    if (licence !== undefined) return licence;
    let ruling = this.#severity(finding, step);
    const { epss, sla } = this.#at.policy;
    if (epss !== undefined && finding.epss !== undefined) {
      const above = finding.epss.score > epss.above;
      const action = above ? this.pick(epss.action) : 'trend';
      step('epss', action, `score ${finding.epss.score}, the limit is ${epss.above}`);
      ruling = this.#raise(ruling, 'epss', action);
    }
    if (dueAtMs !== undefined) {
      const overdue = this.#at.atMs > dueAtMs;
      const action = overdue ? this.pick(sla.overdue) : 'trend';
      if (step !== silent) step('sla', action, `${overdue ? 'was' : 'is'} due ${new Date(dueAtMs).toISOString()}`);
      ruling = this.#raise(ruling, 'sla', action);
    }
    return ruling;
  }

  #severity(finding: MergedFinding, step: Step): Ruling {
    const { severity, kind } = finding;
    const relation = finding.package?.relation ?? 'unknown';
    const action = this.pick(this.thresholds(kind, relation)[severity]);
    step(severity, action, `${kind} of severity ${severity}, dependency ${relation}`);
    if (kind !== 'vulnerability' || finding.fixedIn.length > 0) return this.#ruling(severity, action);
    const cap = this.pick(this.#at.policy.withoutFix);
    if (cap !== 'block') step('without-fix', cap, 'no source names a fixed version');
    return this.#ruling(severity, laxer(action, cap));
  }

  /** A rule that is only audited does not take over from one that is enforced. */
  #raise(ruling: Ruling, rule: RuleId, action: Action): Ruling {
    if (stricter(ruling.action, action) === ruling.action) return ruling;
    const raised = this.#ruling(rule, action);
    const loses = raised.mode === 'audit' && ruling.mode === 'enforce' && ruling.action !== 'trend';
    return loses ? ruling : raised;
  }

  #licence(finding: MergedFinding, step: Step): Ruling | undefined {
    const { licences } = this.#at.policy;
    if (finding.kind !== 'licence' || licences === undefined || finding.licence === undefined) return undefined;
    const purl = finding.package?.purl;
    const exempt = purl !== undefined && licences.packages.some((pattern) => matchesPattern(pattern, purl));
    const state = exempt ? 'allowed' : licenceState(this.#at.policy, finding.licence);
    const action = state === 'allowed' ? 'trend' : this.pick(licences[state === 'denied' ? 'denied' : 'unresolved']);
    step('licence', action, `"${finding.licence}" is ${exempt ? 'not looked at in this package' : state}`);
    return this.#ruling('licence', action);
  }
}
