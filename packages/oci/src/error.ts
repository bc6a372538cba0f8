import { PavedError } from '@paved/errors';

export type OciErrorCode =
  | 'REFERENCE_INVALID'
  | 'LAYOUT_INVALID'
  | 'LAYOUT_DIGEST_MISMATCH'
  | 'ARCHIVE_DAMAGED'
  | 'ARCHIVE_TOO_LARGE'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_AMBIGUOUS'
  | 'REGISTRY_CONFIG_INVALID'
  | 'REGISTRY_NOT_ALLOWED'
  | 'TOKEN_HOST_AMBIGUOUS'
  | 'REGISTRY_UNAUTHORIZED'
  | 'REGISTRY_REFUSED'
  | 'REGISTRY_UNAVAILABLE'
  | 'DIGEST_MISMATCH'
  | 'UPLOAD_INCOMPLETE'
  | 'READBACK_MISMATCH'
  | 'REFERRERS_CONFLICT'
  | 'REFERRERS_IMMUTABLE_TAG'
  | 'DEADLINE_EXCEEDED'
  | 'TAG_EXISTS'
  | 'TAG_REFUSED';

export interface OciErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string;
  readonly status?: number;
  readonly retryAfter?: string | undefined;
}

/** `status` and `retryAfter` are the registry's answer, for `REGISTRY_REFUSED` and `REGISTRY_UNAVAILABLE` alone. */
export class OciError extends PavedError<OciErrorCode> {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;

  constructor(code: OciErrorCode, message: string, options: OciErrorOptions = {}) {
    super(code, message, options);
    this.status = options.status;
    this.retryAfter = options.retryAfter;
  }
}
