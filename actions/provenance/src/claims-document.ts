import type { JobClaims } from './job-claims.js';
import { tokenVoucher, type Voucher } from './vouchers.js';

export const CLAIMS_MEDIA_TYPE = 'application/vnd.paved.claims.v1+json';

/** One claim that was looked at before anything was built; `checked` says against what. */
export interface CheckedClaim {
  readonly field: string;
  readonly value: string;
  readonly voucher: Voucher;
  readonly checked: string;
}

const CHECKS: Readonly<Partial<Record<keyof JobClaims, string>>> = {
  iss: 'equal to oidc-issuer',
  job_workflow_ref: 'path equal to expected-workflow-path',
  job_workflow_sha: 'equal to expected-workflow-sha',
  sha: 'equal to the run and to the fetch record',
  repository: 'equal to the run and to the fetch record',
  event_name: 'equal to the run and on the allow-list',
  check_run_id: 'a job of this run',
  ref_protected: 'true where a protected ref is required',
};
const EQUAL_TO_RUN = new Set<keyof JobClaims>([
  'repository_id',
  'repository_owner_id',
  'ref',
  'run_id',
  'run_attempt',
  'runner_environment',
]);

/** The ledger of the token, without what would let it be used: neither the token nor its id is in it. */
export function claimsDocument(
  claims: JobClaims,
  rehearsal: boolean,
): { readonly mediaType: string; readonly claims: CheckedClaim[] } {
  const entries = (Object.entries(claims) as [keyof JobClaims, string][]).map(
    ([field, value]): CheckedClaim => ({
      field,
      value,
      voucher: tokenVoucher(rehearsal),
      checked: rehearsal
        ? 'nothing: a rehearsal has no token'
        : (CHECKS[field] ?? (EQUAL_TO_RUN.has(field) ? 'equal to the run' : 'recorded')),
    }),
  );
  return { mediaType: CLAIMS_MEDIA_TYPE, claims: entries };
}
