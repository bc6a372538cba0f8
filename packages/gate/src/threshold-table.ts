import type { Action, Policy, Threshold } from './policy.js';
import type { FindingKind } from './raw-finding.js';
import { SEVERITIES, type Severity } from './severity.js';

const WORDS: Readonly<Record<Action, string>> = {
  trend: 'counted in the trend',
  backlog: 'goes to the backlog',
  warn: 'warns',
  block: 'blocks',
};

function row(name: string, { protected: onProtected, other }: Threshold, days: number | undefined): string {
  const within = days === undefined ? '' : days < 2 ? `${Math.round(days * 24)} h` : `${days} days`;
  return `| ${name} | ${WORDS[onProtected]} | ${WORDS[other]} | ${within} |`;
}

const KINDS: readonly (readonly [FindingKind, Severity, string])[] = [
  ['malware', 'critical', 'malicious package'],
  ['secret', 'unknown', 'secret, whatever its severity'],
  ['policy', 'high', 'own rule: deny, violation'],
  ['policy', 'medium', 'own rule: warn'],
];

/** The table of SECURITY.md: what happens to a finding by its severity, and in what time it has to be gone. Markdown. */
export function thresholdTable(policy: Policy): string {
  const always: Threshold = { protected: 'block', other: 'block' };
  const lines = SEVERITIES.map((severity) => row(severity, policy.thresholds[severity], policy.sla.days[severity]));
  return [
    '| finding | protected branch | elsewhere | gone within |',
    '| --- | --- | --- | --- |',
    row('exploited today (CISA KEV), whatever its severity', always, undefined),
    ...KINDS.map(([kind, severity, name]) =>
      row(name, { ...policy.thresholds, ...policy.kinds[kind] }[severity], undefined),
    ),
    ...lines,
    '',
  ].join('\n');
}
