import { PavedError, type PavedErrorOptions } from '@paved/errors';

export type HttpErrorCode =
  | 'HTTP_UNREACHABLE'
  | 'HTTP_TIMEOUT'
  | 'HTTP_STATUS'
  | 'HTTP_REDIRECT_REFUSED'
  | 'HTTP_ADDRESS_REFUSED'
  | 'HTTP_BODY_TOO_LARGE'
  | 'HTTP_URL_INVALID'
  | 'HTTP_PROXY_INVALID'
  | 'HTTP_PROXY_REFUSED';

/** `status` is set for `HTTP_STATUS`, and for `HTTP_PROXY_REFUSED` that of the proxy. The message carries a redacted URL and never a header or body of the request. */
export class HttpError extends PavedError<HttpErrorCode> {
  readonly status: number | undefined;

  constructor(code: HttpErrorCode, message: string, options: PavedErrorOptions & { readonly status?: number } = {}) {
    super(code, message, options);
    this.status = options.status;
  }
}
