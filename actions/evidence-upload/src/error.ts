import { PavedError } from '@paved/errors';

/**
 * `PACK_*`: the pack itself is not what it should be. `SIGNATURE_*`: a file without the signature that belongs to it.
 * `STORE_*`: the store cannot be used. `EVIDENCE_EXISTS`: the store already holds something else under this key.
 * `EVIDENCE_CHANGED`: what was read back is not what was written. `GITHUB_STORE_*`: GitHub's attestation store.
 */
export type EvidenceErrorCode =
  | 'PACK_INVALID'
  | 'PACK_EMPTY'
  | 'PACK_CONFLICT'
  | 'PACK_FILE_MISSING'
  | 'PACK_FILE_UNEXPECTED'
  | 'PACK_DIGEST_MISMATCH'
  | 'SIGNATURE_MISSING'
  | 'SIGNATURE_MISMATCH'
  | 'SBOM_UNKNOWN'
  | 'BUNDLE_MISMATCH'
  | 'STORE_INVALID'
  | 'STORE_UNAVAILABLE'
  | 'EVIDENCE_EXISTS'
  | 'EVIDENCE_CHANGED'
  | 'GITHUB_STORE_REFUSED'
  | 'GITHUB_STORE_EMPTY'
  | 'INPUT_INVALID';

export class EvidenceError extends PavedError<EvidenceErrorCode> {}
