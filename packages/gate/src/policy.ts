import type { Severity } from './severity.js';

/** What happens to an open finding; ordered, each includes what the ones before it do. */
export type Action = 'trend' | 'backlog' | 'warn' | 'block';
export const ACTIONS: readonly Action[] = ['trend', 'backlog', 'warn', 'block'];

/** `audit`: the rule says what it would have done, and lets pass. */
export type Mode = 'audit' | 'enforce';

/** Rules that a policy configures; `kev` has no threshold, it blocks. */
export type RuleId = Severity | 'kev' | 'not-checked';
export const RULE_IDS: readonly RuleId[] = [
  'kev',
  'critical',
  'high',
  'medium',
  'low',
  'informational',
  'unknown',
  'not-checked',
];

export interface Threshold {
  readonly protected: Action;
  readonly other: Action;
}

/** An owned, dated waiver. `package` is a purl pattern (`*` matches any text; without a version, all versions). */
export interface PolicyException {
  /** Any id or alias of the finding; for a KEV finding exactly its CVE. */
  readonly id: string;
  readonly package: string;
  readonly owner: string;
  readonly reason: string;
  /** Dates, `YYYY-MM-DD`; the exception ends at the beginning of `expires`, UTC. */
  readonly created: string;
  readonly expires: string;
  /** Only with it can a KEV finding be waived. */
  readonly kev: boolean;
}

export interface Policy {
  readonly version: 1;
  readonly thresholds: Readonly<Record<Severity, Threshold>>;
  /** Thresholds that replace the ones above in a named environment, where they are stricter. */
  readonly environments: Readonly<Record<string, Partial<Readonly<Record<Severity, Threshold>>>>>;
  readonly modes: Readonly<Record<RuleId, Mode>>;
  /** Ecosystems (or `kev`) that may stay unchecked. */
  readonly notChecked: { readonly allow: readonly string[] };
  readonly exceptions: { readonly maxDays: number; readonly entries: readonly PolicyException[] };
}

const always = (action: Action): Threshold => ({ protected: action, other: action });

/** What holds where nobody wrote a policy. */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  thresholds: {
    critical: always('block'),
    high: { protected: 'block', other: 'warn' },
    medium: always('backlog'),
    low: always('backlog'),
    informational: always('trend'),
    // Nobody judged it: as bad as the worst that may pass a review unseen.
    unknown: { protected: 'block', other: 'warn' },
  },
  environments: {},
  modes: {
    kev: 'enforce',
    critical: 'enforce',
    high: 'enforce',
    medium: 'enforce',
    low: 'enforce',
    informational: 'enforce',
    unknown: 'enforce',
    'not-checked': 'enforce',
  },
  notChecked: { allow: [] },
  exceptions: { maxDays: 90, entries: [] },
};

export function stricter(a: Action, b: Action): Action {
  return ACTIONS.indexOf(a) >= ACTIONS.indexOf(b) ? a : b;
}

export function stricterThreshold(a: Threshold, b: Threshold): Threshold {
  return { protected: stricter(a.protected, b.protected), other: stricter(a.other, b.other) };
}
