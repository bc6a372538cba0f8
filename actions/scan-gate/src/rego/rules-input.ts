import type { SbomComponent } from '@paved/bom';
import type { Digest } from '@paved/digest';
import { mergeFindings, type RawFinding } from '@paved/gate';

export interface RulesEvidence {
  readonly subject: Digest | undefined;
  readonly findings: readonly RawFinding[];
  readonly components: readonly SbomComponent[];
  /** build-record.json as the build wrote it. */
  readonly buildRecord: unknown;
}

/** The document that rules see as `input` (docs/rules.md), as JSON. Members are only ever added to it. */
export function rulesInput({ subject, findings, components, buildRecord }: RulesEvidence): string {
  return JSON.stringify({
    version: 1,
    ...(subject === undefined ? {} : { subject }),
    findings: mergeFindings(findings),
    components,
    ...(buildRecord === undefined ? {} : { buildRecord }),
  });
}
