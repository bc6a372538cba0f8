import type { SbomComponent } from '@paved/bom';
import type { Digest } from '@paved/digest';
import { mergeFindings, type RawFinding } from '@paved/gate';

export interface RulesEvidence {
  readonly subject: Digest | undefined;
  readonly findings: readonly RawFinding[];
  readonly components: readonly SbomComponent[];
  /** build-record.json as each machine wrote it. */
  readonly buildRecords: readonly unknown[];
}

/** The document that rules see as `input` (docs/rules.md), as JSON. Members are only ever added to it. */
export function rulesInput({ subject, findings, components, buildRecords }: RulesEvidence): string {
  const [buildRecord, ...others] = buildRecords;
  return JSON.stringify({
    version: 1,
    ...(subject === undefined ? {} : { subject }),
    findings: mergeFindings(findings),
    components,
    ...(buildRecord === undefined ? {} : { buildRecord }),
    ...(others.length === 0 ? {} : { buildRecords }),
  });
}
