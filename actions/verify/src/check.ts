import type { VerificationErrorCode } from '@paved/sigstore';

export type CheckCode =
  | VerificationErrorCode
  | 'ARTIFACT_NOT_FOUND'
  | 'ARTIFACT_MALFORMED'
  | 'TAG_MISMATCH'
  | 'SIGNER_REVOKED'
  | 'SIGNED_LATER'
  | 'SIGNERS_TOO_FEW'
  | 'ATTESTATION_MISSING'
  | 'ATTESTATION_TOO_OLD'
  | 'NOT_CHECKED'
  | 'PREDICATE_MALFORMED'
  | 'BUILDER_ID_MISMATCH'
  | 'REHEARSAL_REFUSED'
  | 'BUILD_TYPE_UNKNOWN'
  | 'WORKFLOW_COMMIT_MISMATCH'
  | 'SOURCE_REPOSITORY_MISMATCH'
  | 'SOURCE_COMMIT_MISMATCH'
  | 'SOURCE_REF_MISMATCH'
  | 'INVOCATION_MISMATCH'
  | 'EXTERNAL_PARAMETERS_MISSING'
  | 'EXTERNAL_PARAMETERS_UNKNOWN'
  | 'EXTERNAL_PARAMETERS_MISMATCH'
  | 'CLAIMS_MISMATCH'
  | 'SLSA_LEVEL_TOO_LOW'
  | 'BUILD_JOBS_MISSING'
  | 'SELF_HOSTED_ALLOWED'
  | 'ISOLATION_MISSING'
  | 'ISOLATION_NONE'
  | 'NOT_HERMETIC'
  | 'SBOM_MALFORMED'
  | 'VERDICT_NOT_PASS'
  | 'VERDICT_SUBJECT_MISMATCH'
  | 'VSA_NOT_PASSED'
  | 'VSA_RESOURCE_MISMATCH';

/** Result of one check; `code` is set when it failed. `detail` says what was compared, and may hold text of others. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly code?: CheckCode;
  readonly detail: string;
}

export function passed(name: string, detail: string): Check {
  return { name, ok: true, detail };
}

export function failed(name: string, code: CheckCode, detail: string): Check {
  return { name, ok: false, code, detail };
}

/** Compares two texts whole; `undefined` equals nothing, not even itself. */
export function compared(
  name: string,
  code: CheckCode,
  actual: string | undefined,
  expected: string | undefined,
): Check {
  if (actual !== undefined && actual === expected) return passed(name, actual);
  return failed(name, code, `it is ${shown(actual)}, expected ${shown(expected)}`);
}

function shown(text: string | undefined): string {
  return text === undefined ? 'not there' : `"${text.slice(0, 300)}"`;
}
