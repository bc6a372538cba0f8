import { createHash } from 'node:crypto';
import type { HttpClient } from '@paved/http';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { childrenOf, DER, encodeElement, readSingle } from './der.js';
import { answerInvalid, serviceError } from './service-error.js';
import { signatureOf } from './signed-content.js';

const DEFAULT_PATH = '/api/v1/timestamp';
const ATTEMPTS = 3;
const MAX_ANSWER_BYTES = 64 * 1024;
/** 2.16.840.1.101.3.4.2.1, content octets. */
const OID_SHA256 = Buffer.from('608648016503040201', 'hex');
/** PKIStatus `granted` and `grantedWithMods` (RFC 3161, section 2.4.2). */
const GRANTED = new Set([0, 1]);

export interface TimestampWitnessOptions {
  readonly http: HttpClient;
  /** The endpoint; with an empty path Sigstore's own path is added. */
  readonly tsaUrl: string;
  readonly timeoutMs: number;
}

/** Lets a timestamp authority sign when the signature existed (RFC 3161 over HTTP, section 3.4); asks in DER, which all understand. */
export class TimestampWitness implements Witness {
  readonly #options: TimestampWitnessOptions;

  constructor(options: TimestampWitnessOptions) {
    this.#options = options;
  }

  /** @throws {SigstoreError} `TSA_UNAVAILABLE`, `TSA_REFUSED`, `TSA_ANSWER_INVALID` */
  async testify(content: SignatureBundle): Promise<VerificationMaterial> {
    return { rfc3161Timestamps: [{ signedTimestamp: await this.stamp(signatureOf(content)) }] };
  }

  /** The answer about any bytes; the authority sees their SHA-256 alone. */
  async stamp(bytes: Uint8Array): Promise<Buffer> {
    const imprint = createHash('sha256').update(bytes).digest();
    try {
      const signedTimestamp = await this.#post(timestampQuery(imprint));
      assertGranted(signedTimestamp, imprint);
      return signedTimestamp;
    } catch (error) {
      throw serviceError('TSA', error);
    }
  }

  async #post(query: Buffer): Promise<Buffer> {
    const { http, tsaUrl, timeoutMs } = this.#options;
    const url = new URL(tsaUrl);
    if (url.pathname === '/') url.pathname = DEFAULT_PATH;
    const response = await http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
      body: query,
      timeoutMs,
      attempts: ATTEMPTS,
    });
    return await response.bytes(MAX_ANSWER_BYTES);
  }
}

/** TimeStampReq of version 1 without nonce: the imprint of a fresh signature is one already. */
function timestampQuery(imprint: Buffer): Buffer {
  const algorithm = encodeElement(
    DER.sequence,
    encodeElement(DER.objectIdentifier, OID_SHA256),
    encodeElement(DER.null),
  );
  return encodeElement(
    DER.sequence,
    encodeElement(DER.integer, Buffer.from([1])),
    encodeElement(DER.sequence, algorithm, encodeElement(DER.octetString, imprint)),
    encodeElement(DER.boolean, Buffer.from([0xff])),
  );
}

function assertGranted(answer: Buffer, imprint: Buffer): void {
  const [info, token] = childrenOf(readSingle(answer, DER.sequence));
  const status = info === undefined ? undefined : childrenOf(info)[0];
  if (status?.content.length !== 1 || !GRANTED.has(status.content[0] ?? 255) || token === undefined) {
    throw answerInvalid('TSA', 'no timestamp was granted');
  }
  if (!answer.includes(imprint)) throw answerInvalid('TSA', 'the timestamp is for other bytes');
}
