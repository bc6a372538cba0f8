import { parseVsa } from '@paved/attestation';
import { array, object, optional, string } from '@paved/json';
import type { Artifact } from './artifact.js';
import { type Check, compared, failed, passed } from './check.js';
import type { CountedBundle } from './counted-bundle.js';

const verdictPredicate = object({
  verdict: string,
  subject: optional(object({ digest: string })),
  files: optional(array(object({ digest: string }))),
});

/** The gate must have said yes, and about this digest: the statement's subject alone would let a verdict be moved. */
export function checkVerdict(bundle: CountedBundle, { digest }: Artifact): readonly Check[] {
  try {
    const { verdict, subject, files } = verdictPredicate(bundle.statement?.predicate);
    const digests = [subject?.digest, ...(files ?? []).map((file) => file.digest)];
    return [
      compared('verdict', 'VERDICT_NOT_PASS', verdict, 'pass'),
      digests.includes(digest)
        ? passed('verdict-subject', digest)
        : failed('verdict-subject', 'VERDICT_SUBJECT_MISMATCH', `the verdict is not about ${digest}`),
    ];
  } catch {
    return ['verdict', 'verdict-subject'].map((name) =>
      failed(name, 'PREDICATE_MALFORMED', 'the predicate is not a verdict'),
    );
  }
}

const FORMAT_MEMBERS = { 'sbom-cyclonedx': 'bomFormat', 'sbom-spdx': 'spdxVersion' } as const;

/** A document of the format that its type promises. */
export function checkSbom(slot: keyof typeof FORMAT_MEMBERS, bundle: CountedBundle): Check {
  const predicate = bundle.statement?.predicate;
  const member = FORMAT_MEMBERS[slot];
  const format =
    typeof predicate === 'object' && predicate !== null ? (predicate as Record<string, unknown>)[member] : undefined;
  const right = slot === 'sbom-cyclonedx' ? format === 'CycloneDX' : /^SPDX-2\.\d+$/.test(String(format));
  if (right) return passed(slot, String(format));
  return failed(slot, 'SBOM_MALFORMED', `its ${member} is not one of this format`);
}

/** Rule 6: an old signed image under a new tag has a summary, but not of that tag. Any of several summaries may be the one. */
export function checkVsa(bundles: readonly CountedBundle[], resourceUri: string): readonly Check[] {
  const summaries = bundles.flatMap((bundle) => {
    try {
      return bundle.statement === undefined ? [] : [parseVsa(bundle.statement).predicate];
    } catch {
      return [];
    }
  });
  const [match] = summaries.filter((summary) => summary.resourceUri === resourceUri);
  const seen = summaries.map((summary) => summary.resourceUri).join(', ');
  return [
    compared(
      'vsa-resource',
      'VSA_RESOURCE_MISMATCH',
      match?.resourceUri ?? (seen === '' ? undefined : seen),
      resourceUri,
    ),
    compared('vsa-result', 'VSA_NOT_PASSED', match?.verificationResult, 'PASSED'),
  ];
}
