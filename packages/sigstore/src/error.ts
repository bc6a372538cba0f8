import { PavedError } from '@paved/errors';

/** One code per failed check of a bundle. */
export type VerificationErrorCode =
  | 'BUNDLE_MALFORMED'
  | 'TRUSTED_ROOT_MALFORMED'
  | 'POLICY_INVALID'
  | 'ARTIFACT_BYTES_MISSING'
  | 'ARTIFACT_DIGEST_MISMATCH'
  | 'CERTIFICATE_MISSING'
  | 'CERTIFICATE_MALFORMED'
  | 'CERTIFICATE_MISMATCH'
  | 'CERTIFICATE_UNTRUSTED'
  | 'CERTIFICATE_EXPIRED'
  | 'SCT_MISSING'
  | 'SCT_INVALID'
  | 'SIGNATURE_INVALID'
  | 'LOG_ENTRY_MISSING'
  | 'LOG_ENTRY_MISMATCH'
  | 'LOG_UNTRUSTED'
  | 'INCLUSION_PROMISE_MISSING'
  | 'INCLUSION_PROMISE_INVALID'
  | 'INCLUSION_PROOF_MISSING'
  | 'INCLUSION_PROOF_INVALID'
  | 'CHECKPOINT_MISSING'
  | 'CHECKPOINT_INVALID'
  | 'TIMESTAMP_MISSING'
  | 'TIMESTAMP_INVALID'
  | 'TIMESTAMP_UNTRUSTED'
  | 'PAYLOAD_MALFORMED'
  | 'SUBJECT_EMPTY'
  | 'SUBJECT_MISMATCH'
  | 'PREDICATE_TYPE_MISMATCH'
  | 'KEY_MISMATCH'
  | 'KEY_NOT_VALID_THEN'
  | 'IDENTITY_MISMATCH'
  | 'ISSUER_MISMATCH'
  | 'WORKFLOW_MISMATCH'
  | 'SIGNER_DIGEST_MISMATCH'
  | 'REPOSITORY_MISMATCH'
  | 'OWNER_MISMATCH'
  | 'REF_MISMATCH'
  | 'RUNNER_ENVIRONMENT_MISMATCH';

/** What can go wrong while signing; `*_UNAVAILABLE` may pass when it is tried again, the others do not. */
export type SigningErrorCode =
  | 'SESSION_INVALID'
  | 'SESSION_CLOSED'
  | 'SIGNING_CONFIG_MALFORMED'
  | 'SERVICE_NOT_AVAILABLE'
  | 'KEY_UNSUPPORTED'
  | 'KEY_MALFORMED'
  | 'KEY_PASSWORD'
  | 'KEY_URI'
  | 'KEY_CREDENTIALS'
  | 'KEY_DISABLED'
  | 'KEY_ALGORITHM_MISMATCH'
  | 'KEY_DENIED'
  | 'KEY_NOT_FOUND'
  | 'KMS_REFUSED'
  | 'KMS_CLOCK_SKEWED'
  | 'KMS_UNAVAILABLE'
  | 'KMS_ANSWER_INVALID'
  | 'ID_TOKEN_MALFORMED'
  | 'ID_TOKEN_AUDIENCE'
  | 'FULCIO_UNAVAILABLE'
  | 'FULCIO_REFUSED'
  | 'FULCIO_ANSWER_INVALID'
  | 'CERTIFICATE_KEY_MISMATCH'
  | 'CERTIFICATE_CLAIMS_MISMATCH'
  | 'REKOR_UNAVAILABLE'
  | 'REKOR_REFUSED'
  | 'REKOR_DUPLICATE'
  | 'REKOR_ANSWER_INVALID'
  | 'TSA_UNAVAILABLE'
  | 'TSA_REFUSED'
  | 'TSA_ANSWER_INVALID';

/** Why an update of what is trusted was refused (TUF); only `TUF_UNAVAILABLE` may pass when it is tried again. */
export type TrustUpdateErrorCode =
  | 'TUF_UNAVAILABLE'
  | 'TUF_EXPIRED'
  | 'TUF_ROLLBACK'
  | 'TUF_SIGNATURE_INVALID'
  | 'TUF_METADATA_INVALID'
  | 'TUF_TARGET_INVALID'
  | 'TUF_TARGET_MISSING';

/** What following a log found; `LOG_SHRUNK` and `LOG_FORKED` are what a log must never do. */
export type LogErrorCode =
  | 'LOG_STATE_INVALID'
  | 'LOG_TILE_INVALID'
  | 'LOG_ENTRY_UNREADABLE'
  | 'LOG_SHRUNK'
  | 'LOG_FORKED';

export type SigstoreErrorCode = LogErrorCode | VerificationErrorCode | SigningErrorCode | TrustUpdateErrorCode;

/** Never carries the identity token, whole or in part. */
export class SigstoreError extends PavedError<SigstoreErrorCode> {}
