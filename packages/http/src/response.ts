import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Decoder, parseJson } from '@paved/json';
import { eachChunk } from './each-chunk.js';
import { HttpError } from './error.js';
import { redactUrl } from './redact.js';

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const MAX_DISCARDED_BYTES = 256 * 1024;

/** `body` streams; `bytes`, `text` and `json` read it whole, up to a limit. Read it or `discard` it, or the socket stays busy. */
export class HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  readonly body: IncomingMessage;

  constructor(url: URL, message: IncomingMessage) {
    this.status = message.statusCode ?? 0;
    this.headers = message.headers;
    this.url = url;
    this.body = message;
  }

  /** First value of a header, by lower-case name. */
  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** @throws {HttpError} `HTTP_BODY_TOO_LARGE`, after at most `maxBytes` were read */
  async bytes(maxBytes = DEFAULT_MAX_BYTES): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      await eachChunk(this.body, (chunk) => {
        size += chunk.length;
        if (size > maxBytes) {
          throw new HttpError(
            'HTTP_BODY_TOO_LARGE',
            `Cannot read ${redactUrl(this.url)}: the answer exceeds ${maxBytes} bytes`,
            { hint: 'Check the address: what it serves is larger than anything of its kind' },
          );
        }
        chunks.push(chunk);
      });
    } catch (cause) {
      if (cause instanceof HttpError) throw cause;
      throw new HttpError('HTTP_UNREACHABLE', `Cannot read ${redactUrl(this.url)}: the answer broke off`, {
        cause,
        hint: 'Run it again',
      });
    }
    return Buffer.concat(chunks);
  }

  async text(maxBytes?: number): Promise<string> {
    return (await this.bytes(maxBytes)).toString('utf8');
  }

  async json<T>(decoder: Decoder<T>, maxBytes?: number): Promise<T> {
    return parseJson(`the answer of ${redactUrl(this.url)}`, await this.text(maxBytes), decoder);
  }

  /** Lets the connection be used again; one that sends more than 256 KiB that nobody wants is closed. */
  discard(): void {
    let left = MAX_DISCARDED_BYTES;
    this.body.on('error', () => undefined);
    this.body.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) this.body.destroy();
    });
  }
}
