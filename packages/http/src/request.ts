import type { Readable, Writable } from 'node:stream';

/** A stream is made anew for each attempt; `length` in bytes sets Content-Length. */
export type HttpBody =
  | string
  | Uint8Array
  | { readonly length: number; readonly open: () => Readable }
  | HttpBodyWriter;

/** A body that knows when its memory is free again, which a stream does not. */
export interface HttpBodyWriter {
  readonly length: number;
  /** Called once for each attempt; writes exactly `length` bytes and does not end `outgoing`. A rejection breaks the request off. */
  readonly writeTo: (outgoing: Writable) => Promise<void>;
}

/**
 * `refuse`: a 3xx is an error. `manual`: the 3xx is returned. `follow`: at most five hops, and at the first hop to another
 * origin `authorization`, `cookie` and every header in `secretHeaders` are dropped for good.
 */
export type RedirectPolicy = 'refuse' | 'manual' | 'follow';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** Limit of each attempt with less progress than 4 KiB per second, in milliseconds (default 30,000). */
  readonly timeoutMs?: number;
  /** Default `refuse`. */
  readonly redirect?: RedirectPolicy;
  /** Attempts in all (default: the client's policy for GET, HEAD, PUT, DELETE; 1 for POST and PATCH). */
  readonly attempts?: number;
  /** Statuses that are an answer, not an error; all others throw `HTTP_STATUS` (default 200-299). */
  readonly accept?: (status: number) => boolean;
  /**
   * For an address that somebody untrusted chose: each hop goes to public addresses alone, as literals and as what its name resolves to
   * (`HTTP_ADDRESS_REFUSED`), unless this says that the user named its host.
   */
  readonly publicUnless?: (url: URL) => boolean;
}
