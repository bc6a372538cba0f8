import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '@paved/digest';
import { type Bundle, bundleToJSON } from '@sigstore/bundle';
import { parseBundle } from './bundle.js';
import { signatureOf } from './signed-content.js';
import { type KnownStatement, type ParsedBundleOptions, verifyParsedBundle } from './verify-bundle.js';

/** What happened to a signature: `none` is a key's signature that no service has seen. */
export type BundleTransparency = 'logged' | 'timestamp-only' | 'none';

/** How our own bundle is verified, and the statement whose bytes were signed, unless it is a message. */
export type OwnVerification = ParsedBundleOptions & {
  readonly statement?: KnownStatement | undefined;
};

export interface SignedBundle {
  /** The bundle as it is stored, v0.3; made anew each time. */
  readonly json: string;
  /** The same in pieces, of which the payload's are made when they are asked for: a large statement is never text as a whole. */
  parts(): Iterable<string>;
  /** Digest of the text. */
  readonly sha256: Digest;
  /** The bare signature. */
  readonly signature: Buffer;
  /** PEM; that of this signature, which in a long run is not that of the first one. Absent for a key. */
  readonly certificate?: string;
  readonly transparency: BundleTransparency;
  /**
   * Verifies the bundle as it will be stored, except that a payload is not turned into text and back. Of a statement the caller says what
   * it is: it is the one whose bytes this session was given to sign.
   * @throws {SigstoreError} as `verifyBundle`
   */
  assertVerifies(options: OwnVerification): void;
}

/** Stands for the payload in the text around it; as bytes, and as the text that those become. */
const PLACEHOLDER = Buffer.from('paved: the payload stands here');
const PLACEHOLDER_TEXT = `"payload":"${PLACEHOLDER.toString('base64')}"`;
/** Bytes per piece; a multiple of three, so that pieces of base64 can follow each other. */
const PIECE_BYTES = 48 * 1024;

export class MadeBundle implements SignedBundle {
  readonly signature: Buffer;
  readonly certificate?: string;
  readonly transparency: BundleTransparency;
  /** Text without the payload of an envelope. */
  readonly #frame: string;
  readonly #payload: Buffer | undefined;
  #sha256: Digest | undefined;

  constructor(bundle: Bundle) {
    const { content } = bundle;
    this.signature = signatureOf(content);
    this.transparency = transparencyOf(bundle);
    const certificate = certificateOf(bundle);
    if (certificate !== undefined) this.certificate = certificate;
    if (content.$case === 'messageSignature') {
      this.#frame = JSON.stringify(bundleToJSON(bundle));
      return;
    }
    this.#payload = content.dsseEnvelope.payload;
    const dsseEnvelope = { ...content.dsseEnvelope, payload: PLACEHOLDER };
    this.#frame = JSON.stringify(bundleToJSON({ ...bundle, content: { $case: 'dsseEnvelope', dsseEnvelope } }));
  }

  get json(): string {
    return [...this.parts()].join('');
  }

  *parts(): Iterable<string> {
    const payload = this.#payload;
    if (payload === undefined) {
      yield this.#frame;
      return;
    }
    const [before, after, ...others] = this.#frame.split(PLACEHOLDER_TEXT);
    if (after === undefined || others.length > 0)
      throw new RangeError('the frame of a bundle has one place for a payload');
    yield `${before}"payload":"`;
    for (let at = 0; at < payload.length; at += PIECE_BYTES) {
      yield payload.subarray(at, at + PIECE_BYTES).toString('base64');
    }
    yield `"${after}`;
  }

  get sha256(): Digest {
    if (this.#sha256 === undefined) {
      const hash = createHash('sha256');
      for (const part of this.parts()) hash.update(part);
      this.#sha256 = parseDigest(`sha256:${hash.digest('hex')}`);
    }
    return this.#sha256;
  }

  assertVerifies({ statement, ...options }: OwnVerification): void {
    const bundle = parseBundle(this.#frame);
    const { content } = bundle;
    if (content.$case === 'dsseEnvelope' && this.#payload !== undefined) content.dsseEnvelope.payload = this.#payload;
    verifyParsedBundle(bundle, this.sha256, statement, options);
  }
}

function transparencyOf({ verificationMaterial }: Bundle): BundleTransparency {
  if (verificationMaterial.tlogEntries.length > 0) return 'logged';
  return (verificationMaterial.timestampVerificationData?.rfc3161Timestamps.length ?? 0) > 0
    ? 'timestamp-only'
    : 'none';
}

function certificateOf({ verificationMaterial: { content } }: Bundle): string | undefined {
  if (content.$case !== 'certificate') return undefined;
  const lines = content.certificate.rawBytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
