import type { HttpClient } from '@paved/http';
import type { Bundle } from '@sigstore/bundle';
import type { Signer, Witness } from '@sigstore/sign';
import { BlobBundleBuilder } from './blob-bundle-builder.js';
import { SigstoreError } from './error.js';
import { hashOf, type KeyAlgorithm } from './key-algorithm.js';
import { Limiter } from './limiter.js';
import { type BundleTransparency, MadeBundle, type SignedBundle } from './made-bundle.js';
import { PreferredWitness } from './preferred-witness.js';
import { RekorV1Witness } from './rekor-v1-witness.js';
import { RekorV2Witness } from './rekor-witness.js';
import { StatementBundleBuilder } from './statement-bundle-builder.js';
import { TimestampWitness } from './timestamp-witness.js';
import type { Transparency } from './verify-material.js';

export type { BundleTransparency, SignedBundle };

/** A transparency log and the API that it speaks. */
export interface LogService {
  readonly url: string;
  readonly version: 1 | 2;
}

/** Who says what about a signature, and how long each of them may take. */
export interface WitnessOptions {
  /** Required unless `transparency` is `off`. */
  readonly rekorUrl?: string;
  /** API of the log (default 2). */
  readonly rekorVersion?: 1 | 2;
  readonly tsaUrl?: string;
  /** Further logs and timestamp authorities; each of them must answer. */
  readonly logs?: readonly LogService[];
  readonly tsaUrls?: readonly string[];
  /** `preferred`: an unreachable log is not an error, and the bundle says `timestamp-only`. */
  readonly transparency: Transparency;
  readonly http: HttpClient;
  /** Limits of each attempt without progress, in milliseconds (default 20,000 each; Rekor v2 never less). */
  readonly timeouts?: { readonly fulcioMs?: number; readonly rekorMs?: number; readonly tsaMs?: number };
  /** Signatures in progress at the same time (default 32): each waits for the log, not for this machine. */
  readonly concurrency?: number;
}

/** Signs any number of statements and blobs with what it was opened with. */
export interface BundleSigner {
  /** Signs a serialised in-toto statement as DSSE envelope. */
  signStatement(statement: Uint8Array): Promise<SignedBundle>;
  /** Signs the bytes themselves. */
  signBlob(bytes: Uint8Array): Promise<SignedBundle>;
  /** RFC 3161 answers of every timestamp authority about the bytes themselves, which no bundle holds; for older forms. */
  timestamp(bytes: Uint8Array): Promise<readonly Buffer[]>;
  /** Drops the private key. */
  close(): void;
}

export type BundleProgress =
  | {
      readonly event: 'signed';
      readonly content: 'dsse' | 'message';
      readonly transparency: BundleTransparency;
      /** Signatures of this session so far, this one included, of those that were asked for. */
      readonly done: number;
      readonly asked: number;
    }
  | { readonly event: 'log-unavailable'; readonly error: SigstoreError };

export const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_CONCURRENCY = 32;
/** Bytes whose signatures may be in progress at once: an envelope of 16 MiB takes five times its size for a moment. */
const MAX_BYTES_IN_PROGRESS = 32 * 1024 * 1024;
/** How often a signature that the log has already is made anew. */
const MAX_DUPLICATES = 2;

/** @throws {SigstoreError} `SESSION_INVALID` */
export function assertWitnessOptions(options: WitnessOptions): void {
  const { transparency, concurrency } = options;
  if (transparency === 'required' && logsOf(options).length === 0) {
    throw new SigstoreError('SESSION_INVALID', `Cannot sign with transparency "${transparency}": no log is named`, {
      hint: 'Give the URL of a Rekor log, or choose transparency "off"',
    });
  }
  if (concurrency !== undefined && !(concurrency >= 1)) {
    throw new SigstoreError('SESSION_INVALID', `Cannot sign with concurrency ${concurrency}: at least 1 is needed`);
  }
}

/** Signatures of one signer: the library's builder, our witnesses, a bounded number at a time. */
export class BundleRun {
  readonly #signer: Signer;
  readonly #algorithm: KeyAlgorithm;
  readonly #stamps: readonly TimestampWitness[];
  readonly #witnesses: readonly Witness[];
  readonly #limiter: Limiter;
  readonly #onProgress: (progress: BundleProgress) => void;
  readonly #count = { done: 0, asked: 0 };

  constructor(
    options: WitnessOptions,
    signer: Signer,
    algorithm: KeyAlgorithm,
    onProgress: (progress: BundleProgress) => void,
  ) {
    this.#signer = signer;
    this.#algorithm = algorithm;
    this.#onProgress = onProgress;
    this.#limiter = new Limiter(options.concurrency ?? DEFAULT_CONCURRENCY, MAX_BYTES_IN_PROGRESS);
    this.#stamps = stampsOf(options);
    this.#witnesses = [...this.#stamps, ...logWitnessesOf(options, algorithm, onProgress)];
  }

  async timestamp(bytes: Uint8Array): Promise<readonly Buffer[]> {
    return await Promise.all(this.#stamps.map((stamp) => stamp.stamp(bytes)));
  }

  async sign(content: 'dsse' | 'message', bytes: Uint8Array): Promise<SignedBundle> {
    this.#count.asked += 1;
    return await this.#limiter.run(bytes.length, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#signOnce(content, bytes);
        } catch (error) {
          const duplicate = error instanceof SigstoreError && error.code === 'REKOR_DUPLICATE';
          if (!duplicate || attempt > MAX_DUPLICATES) throw error;
        }
      }
    });
  }

  async #signOnce(content: 'dsse' | 'message', bytes: Uint8Array): Promise<SignedBundle> {
    const bundle = await this.#build(content, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const made = new MadeBundle(bundle);
    this.#count.done += 1;
    this.#onProgress({ event: 'signed', content, transparency: made.transparency, ...this.#count });
    return made;
  }

  async #build(content: 'dsse' | 'message', data: Buffer): Promise<Bundle> {
    const options = { signer: this.#signer, witnesses: [...this.#witnesses] };
    if (content === 'message') return await new BlobBundleBuilder(options, hashOf(this.#algorithm)).create({ data });
    return await new StatementBundleBuilder(options).create({ data });
  }
}

function stampsOf({ http, timeouts, tsaUrl, tsaUrls = [] }: WitnessOptions): readonly TimestampWitness[] {
  const timeoutMs = timeouts?.tsaMs ?? DEFAULT_TIMEOUT_MS;
  return [...(tsaUrl === undefined ? [] : [tsaUrl]), ...tsaUrls].map(
    (url) => new TimestampWitness({ http, tsaUrl: url, timeoutMs }),
  );
}

function logWitnessesOf(
  options: WitnessOptions,
  algorithm: KeyAlgorithm,
  onProgress: (progress: BundleProgress) => void,
): readonly Witness[] {
  const { http, timeouts, transparency } = options;
  if (transparency === 'off') return [];
  const timeoutMs = timeouts?.rekorMs ?? DEFAULT_TIMEOUT_MS;
  const onUnavailable = (error: SigstoreError) => onProgress({ event: 'log-unavailable', error });
  const logs = logsOf(options).map(({ url: rekorUrl, version }): Witness => {
    if (version === 2) return new RekorV2Witness({ http, rekorUrl, timeoutMs, algorithm });
    return new RekorV1Witness({ rekorUrl, timeoutMs });
  });
  return transparency === 'preferred' ? logs.map((log) => new PreferredWitness(log, onUnavailable)) : logs;
}

/** Every log that the options name. */
export function logsOf({ rekorUrl, rekorVersion = 2, logs = [] }: WitnessOptions): readonly LogService[] {
  return [...(rekorUrl === undefined ? [] : [{ url: rekorUrl, version: rekorVersion }]), ...logs];
}
