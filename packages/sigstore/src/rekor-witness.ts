import { createPublicKey, X509Certificate } from 'node:crypto';
import type { HttpClient } from '@paved/http';
import { canonicalJson, unknown } from '@paved/json';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { endpoint } from './endpoint.js';
import { SigstoreError } from './error.js';
import { hashOf, type KeyAlgorithm, keyDetails } from './key-algorithm.js';
import { answerInvalid, serviceError } from './service-error.js';
import { signedDigest } from './signed-content.js';

/** The log answers only when the entry is in a signed checkpoint (rekor-tiles, CLIENTS.md). */
export const MIN_REKOR_TIMEOUT_MS = 20_000;
const ATTEMPTS = 3;
const MAX_ANSWER_BYTES = 1024 * 1024;
const DUPLICATE_STATUS = 409;

export interface RekorV2WitnessOptions {
  readonly http: HttpClient;
  readonly rekorUrl: string;
  /** Raised to 20,000 when it is less. */
  readonly timeoutMs: number;
  /** How the signatures are made (default `ecdsa-p256-sha256`, as a session's own key). */
  readonly algorithm?: KeyAlgorithm;
}

/**
 * Logs a signature in Rekor v2, which takes nothing but `hashedrekord`: for a DSSE envelope the digest is that of its PAE,
 * which is what the signature covers.
 */
export class RekorV2Witness implements Witness {
  readonly #options: RekorV2WitnessOptions;

  constructor(options: RekorV2WitnessOptions) {
    this.#options = options;
  }

  /**
   * @param publicKey the signing certificate or the public key, PEM
   * @throws {SigstoreError} `REKOR_UNAVAILABLE`, `REKOR_REFUSED`, `REKOR_DUPLICATE`, `REKOR_ANSWER_INVALID`, `KEY_UNSUPPORTED`
   */
  async testify(content: SignatureBundle, publicKey: string): Promise<VerificationMaterial> {
    const algorithm = this.#options.algorithm ?? 'ecdsa-p256-sha256';
    const request = hashedRekord(content, publicKey, algorithm);
    try {
      const entry = TransparencyLogEntry.fromJSON(await this.#post(request));
      assertEntry(entry, request, algorithm);
      return { tlogEntries: [{ ...entry, logId: entry.logId, kindVersion: entry.kindVersion }] };
    } catch (error) {
      throw serviceError('REKOR', error);
    }
  }

  async #post(request: HashedRekordRequest): Promise<unknown> {
    const { http, rekorUrl, timeoutMs } = this.#options;
    const response = await http.request({
      method: 'POST',
      url: endpoint(rekorUrl, '/api/v2/log/entries'),
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ hashedRekordRequestV002: request }),
      timeoutMs: Math.max(timeoutMs, MIN_REKOR_TIMEOUT_MS),
      attempts: ATTEMPTS,
      accept: (status) => (status >= 200 && status < 300) || status === DUPLICATE_STATUS,
    });
    if (response.status === DUPLICATE_STATUS) {
      response.discard();
      // A retry after a lost answer: the log has the entry and will not show it again. A new signature gives a new entry.
      throw new SigstoreError('REKOR_DUPLICATE', 'Cannot log the signature: the log has this entry already', {
        hint: 'Run it again: a new run signs with a new key',
      });
    }
    return await response.json(unknown, MAX_ANSWER_BYTES);
  }
}

interface HashedRekordRequest {
  readonly digest: string;
  readonly signature: { readonly content: string; readonly verifier: Verifier };
}

type Verifier = { readonly keyDetails: string } & (
  | { readonly x509Certificate: { readonly rawBytes: string } }
  | { readonly publicKey: { readonly rawBytes: string } }
);

function hashedRekord(content: SignatureBundle, pem: string, algorithm: KeyAlgorithm): HashedRekordRequest {
  const { digest, signature } = signedDigest(content, hashOf(algorithm));
  return {
    digest: digest.toString('base64'),
    signature: { content: signature.toString('base64'), verifier: verifierOf(pem, algorithm) },
  };
}

function verifierOf(pem: string, algorithm: KeyAlgorithm): Verifier {
  if (pem.includes('CERTIFICATE')) {
    const certificate = new X509Certificate(pem);
    const rawBytes = certificate.raw.toString('base64');
    return { keyDetails: keyDetails(algorithm, certificate.publicKey), x509Certificate: { rawBytes } };
  }
  const key = createPublicKey(pem);
  const rawBytes = key.export({ format: 'der', type: 'spki' }).toString('base64');
  return { keyDetails: keyDetails(algorithm, key), publicKey: { rawBytes } };
}

type LogEntry = ReturnType<typeof TransparencyLogEntry.fromJSON>;

/** The entry must be ours, byte for byte: a log that answers with another one would make the bundle worthless later. */
function assertEntry(
  entry: LogEntry,
  request: HashedRekordRequest,
  algorithm: KeyAlgorithm,
): asserts entry is LogEntry & {
  logId: NonNullable<LogEntry['logId']>;
  kindVersion: NonNullable<LogEntry['kindVersion']>;
} {
  const { digest, signature } = request;
  const expected = canonicalJson({
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: hashOf(algorithm) === 'sha384' ? 'SHA2_384' : 'SHA2_256', digest },
        signature,
      },
    },
  });
  if (entry.logId === undefined || entry.kindVersion === undefined || entry.inclusionProof?.checkpoint === undefined) {
    throw answerInvalid('REKOR', 'the entry has no log id, kind, or inclusion proof');
  }
  if (entry.canonicalizedBody.toString('utf8') !== expected) {
    throw answerInvalid('REKOR', 'the entry is not the one that was sent');
  }
}
