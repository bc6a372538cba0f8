import type { IncomingMessage } from 'node:http';

const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** A request with its parsed address. */
export class Exchange {
  readonly method: string;
  readonly url: URL;
  readonly #request: IncomingMessage;
  /** Set by the handler that recognised a token; for the request log. */
  job: string | undefined;

  constructor(request: IncomingMessage) {
    this.method = request.method ?? 'GET';
    this.url = new URL(request.url ?? '/', 'http://loopback.invalid');
    this.#request = request;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  query(name: string): string | undefined {
    return this.url.searchParams.get(name) ?? undefined;
  }

  /** The credential of an `Authorization: Bearer` (or GitHub's older `token`) header. */
  get bearer(): string | undefined {
    return /^(?:bearer|token) (\S+)$/i.exec(this.header('authorization') ?? '')?.[1];
  }

  async body(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.#request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw new Error(`Cannot read the request: it exceeds ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}
