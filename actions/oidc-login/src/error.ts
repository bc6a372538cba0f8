import { PavedError } from '@paved/errors';

export type LoginErrorCode =
  | 'LOGIN_INPUT_INVALID'
  | 'AUDIENCE_REFUSED'
  | 'AUDIENCE_MISMATCH'
  | 'REGISTRY_NOT_OF_SERVER'
  | 'EXCHANGE_REFUSED'
  | 'EXCHANGE_UNAVAILABLE'
  | 'EXCHANGE_ANSWER_INVALID'
  | 'REVOCATION_FAILED'
  | 'CLEANUP_FAILED';

/** Never carries a token, nor the body of an answer that may hold one. */
export class LoginError extends PavedError<LoginErrorCode> {}
