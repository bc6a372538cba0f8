import { advisoryId } from './advisory-id.js';
import { type DecisionInput, Judge } from './decide.js';
import type { Finding, MergedFinding } from './finding.js';
import { mergeFindings } from './merge-findings.js';
import { wholeNames } from './own-names.js';
import type { Action } from './policy.js';
import type { VexReport } from './vex/vex-index.js';

/** One rule's word on the way to the decision, in the order in which rules are asked. */
export interface ExplainedStep {
  readonly rule: string;
  readonly says: Action;
  readonly detail: string;
}

/** An exception that names the finding; `refusal` says why it does not cover it. */
export interface ExplainedException {
  readonly id: string;
  readonly package: string;
  readonly owner: string;
  readonly expires: string;
  readonly refusal?: string;
}

export interface ExplainedFinding {
  readonly finding: Finding;
  readonly steps: readonly ExplainedStep[];
  readonly exceptions: readonly ExplainedException[];
  readonly vex: readonly VexReport[];
}

export const EXPLANATION_MEDIA_TYPE = 'application/vnd.paved.explanation.v1+json';

/** Everything that decided about one id: sources, rules, exceptions and statements. */
export interface Explanation {
  readonly mediaType: typeof EXPLANATION_MEDIA_TYPE;
  readonly id: string;
  /** What is known of it where no finding has it. */
  readonly listed: { readonly kev: boolean | 'not checked'; readonly epss: number | 'not listed' | 'not checked' };
  readonly findings: readonly ExplainedFinding[];
}

/** Repeats the decision about every finding that has `id` as id or alias, and writes down each step. */
export function explain(input: DecisionInput, id: string): Explanation {
  const judge = new Judge(input);
  const wanted = advisoryId(id);
  const named = mergeFindings(input.findings, input).filter(
    (finding) => finding.id === wanted || finding.aliases.includes(wanted),
  );
  const findings = named.map((merged): ExplainedFinding => {
    const steps: ExplainedStep[] = [];
    const finding = judge.judge(merged, (rule, says, detail) => steps.push({ rule, says, detail }));
    const { suppressedBy } = finding;
    if (suppressedBy !== undefined) {
      steps.push({ rule: suppressedBy.by, says: finding.action, detail: `suppressed: ${suppressedBy.reason}` });
    }
    const exceptions = judge.exceptions.naming(merged).map((entry): ExplainedException => {
      const refusal = judge.exceptions.refusal(entry, merged) ?? contradiction(merged, finding);
      const { id: exception, package: pattern, owner, expires } = entry;
      return { id: exception, package: pattern, owner, expires, ...(refusal === undefined ? {} : { refusal }) };
    });
    return { finding, steps, exceptions, vex: judge.vex.naming(merged) };
  });
  const score = input.epss?.entries.get(wanted)?.score;
  return {
    mediaType: EXPLANATION_MEDIA_TYPE,
    id: wanted,
    listed: {
      kev: input.kev === undefined ? 'not checked' : input.kev.entries.has(wanted),
      epss: input.epss === undefined ? 'not checked' : (score ?? 'not listed'),
    },
    findings,
  };
}

/** Why an exception that fits does not count: several vulnerabilities, or sources that do not know the name, are not each waived. */
function contradiction(merged: MergedFinding, { suppressedBy }: Finding): string | undefined {
  if (suppressedBy !== undefined) return undefined;
  const whole = wholeNames(merged);
  if (whole.length > 1) return `sources call ${listed(whole.flat())} one: each needs an exception`;
  const { partialNames = [] } = merged;
  if (partialNames.length === 0) return undefined;
  return `no database calls ${listed([merged.id, ...merged.aliases])} one: each needs an exception`;
}

function listed(names: readonly string[]): string {
  return names.slice(0, 10).join(', ');
}
