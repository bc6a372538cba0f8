import { PavedError } from '@paved/errors';

export type OciErrorCode =
  | 'REFERENCE_INVALID'
  | 'LAYOUT_INVALID'
  | 'LAYOUT_DIGEST_MISMATCH'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_AMBIGUOUS'
  | 'REGISTRY_CONFIG_INVALID'
  | 'REGISTRY_NOT_ALLOWED'
  | 'REGISTRY_UNAUTHORIZED'
  | 'REGISTRY_REFUSED'
  | 'REGISTRY_UNAVAILABLE'
  | 'DIGEST_MISMATCH'
  | 'UPLOAD_INCOMPLETE'
  | 'READBACK_MISMATCH'
  | 'REFERRERS_CONFLICT'
  | 'REFERRERS_IMMUTABLE_TAG'
  | 'TAG_EXISTS'
  | 'TAG_REFUSED';

/** `status` is the registry's answer, for `REGISTRY_REFUSED` and `REGISTRY_UNAVAILABLE` alone. */
export class OciError extends PavedError<OciErrorCode> {
  readonly status: number | undefined;

  constructor(code: OciErrorCode, message: string, options: { cause?: unknown; hint?: string; status?: number } = {}) {
    super(code, message, options);
    this.status = options.status;
  }
}
