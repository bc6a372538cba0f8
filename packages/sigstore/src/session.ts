import { pae, STATEMENT_PAYLOAD_TYPE } from '@paved/attestation';
import type { HttpClient } from '@paved/http';
import { type Bundle, bundleToJSON } from '@sigstore/bundle';
import type { VerificationMaterial } from '@sigstore/sign';
import { addMaterial, buildBlobBundle, buildStatementBundle } from './build-bundle.js';
import type { SigningCertificate } from './certificate.js';
import { GITHUB_SERVER_URL } from './certificate-claims.js';
import { SigstoreError } from './error.js';
import { Limiter } from './limiter.js';
import { RekorV2Witness } from './rekor-witness.js';
import { SessionKey } from './session-key.js';
import { TimestampWitness } from './timestamp-witness.js';
import type { TokenClaims } from './token.js';
import type { Transparency } from './verify-material.js';

export interface SigningSessionOptions {
  /** The only address that the identity token is sent to. */
  readonly fulcioUrl: string;
  /** Rekor v2; required unless `transparency` is `off`. */
  readonly rekorUrl?: string;
  /** Rekor v2 entries carry no time, so that a timestamp authority is always needed. */
  readonly tsaUrl: string;
  readonly idToken: () => Promise<string>;
  /** Default `sigstore`. */
  readonly audience?: string;
  /** `preferred`: an unreachable log is not an error, and the bundle says `timestamp-only`. */
  readonly transparency: Transparency;
  readonly http: HttpClient;
  /** Limits of each attempt without progress, in milliseconds (default 20,000 each; Rekor never less). */
  readonly timeouts?: { readonly fulcioMs?: number; readonly rekorMs?: number; readonly tsaMs?: number };
  /** Signatures in progress at the same time (default 4). */
  readonly concurrency?: number;
  /** The GitHub server of the claims (default https://github.com). */
  readonly serverUrl?: string;
  /** Runs on the claims of every token before it is sent anywhere; throws to refuse. */
  readonly assertClaims?: (claims: TokenClaims) => void;
  readonly onProgress?: (progress: SigningProgress) => void;
}

export type SigningProgress =
  | { readonly event: 'certificate'; readonly certificate: SigningCertificate }
  | { readonly event: 'signed'; readonly content: 'dsse' | 'message'; readonly transparency: BundleTransparency }
  | { readonly event: 'log-unavailable'; readonly error: SigstoreError };

export type BundleTransparency = 'logged' | 'timestamp-only';

export interface SignedBundle {
  /** The bundle as it is stored, v0.3. */
  readonly json: string;
  /** The bare signature. */
  readonly signature: Buffer;
  readonly transparency: BundleTransparency;
}

/** One token, one key, one certificate, any number of signatures. */
export interface SigningSession {
  /** Certificate and claims have been compared (see `assertCertificateMatchesClaims`) before the session exists. */
  readonly certificate: SigningCertificate;
  readonly claims: TokenClaims;
  /** Signs a serialised in-toto statement as DSSE envelope. */
  signStatement(statement: Uint8Array): Promise<SignedBundle>;
  /** Signs the bytes themselves. */
  signBlob(bytes: Uint8Array): Promise<SignedBundle>;
  /** Drops the private key. */
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_CONCURRENCY = 4;
/** How often a signature that the log has already is made anew. */
const MAX_DUPLICATES = 2;

/**
 * Gets token and certificate and compares them, so that nothing can be signed under an identity that is not the job's.
 * @throws {SigstoreError} `SESSION_INVALID`, `ID_TOKEN_*`, `FULCIO_*`, `CERTIFICATE_*`, and what `assertClaims` throws
 */
export async function openSigningSession(options: SigningSessionOptions): Promise<SigningSession> {
  assertOptions(options);
  const { http, timeouts, fulcioUrl, idToken, onProgress } = options;
  const key = new SessionKey({
    http,
    fulcioUrl,
    idToken,
    timeoutMs: timeouts?.fulcioMs ?? DEFAULT_TIMEOUT_MS,
    audience: options.audience ?? 'sigstore',
    serverUrl: options.serverUrl ?? GITHUB_SERVER_URL,
    assertClaims: options.assertClaims ?? (() => undefined),
    onCertificate: (certificate) => onProgress?.({ event: 'certificate', certificate }),
  });
  const { certificate, claims } = await key.certified();
  const run = new SessionRun(options, key);
  return {
    certificate,
    claims,
    signStatement: (statement) => run.sign('dsse', statement),
    signBlob: (bytes) => run.sign('message', bytes),
    close: () => key.forget(),
  };
}

function assertOptions({ transparency, rekorUrl, concurrency }: SigningSessionOptions): void {
  if (transparency !== 'off' && rekorUrl === undefined) {
    throw new SigstoreError('SESSION_INVALID', `Cannot sign with transparency "${transparency}": no log is named`, {
      hint: 'Give the URL of a Rekor v2 log, or choose transparency "off"',
    });
  }
  if (concurrency !== undefined && !(concurrency >= 1)) {
    throw new SigstoreError('SESSION_INVALID', `Cannot sign with concurrency ${concurrency}: at least 1 is needed`);
  }
}

class SessionRun {
  readonly #options: SigningSessionOptions;
  readonly #key: SessionKey;
  readonly #limiter: Limiter;
  readonly #timestamps: TimestampWitness;
  readonly #log: RekorV2Witness | undefined;

  constructor(options: SigningSessionOptions, key: SessionKey) {
    const { http, timeouts, rekorUrl, tsaUrl, transparency, concurrency } = options;
    this.#options = options;
    this.#key = key;
    this.#limiter = new Limiter(concurrency ?? DEFAULT_CONCURRENCY);
    this.#timestamps = new TimestampWitness({ http, tsaUrl, timeoutMs: timeouts?.tsaMs ?? DEFAULT_TIMEOUT_MS });
    if (transparency !== 'off' && rekorUrl !== undefined) {
      this.#log = new RekorV2Witness({ http, rekorUrl, timeoutMs: timeouts?.rekorMs ?? DEFAULT_TIMEOUT_MS });
    }
  }

  sign(content: 'dsse' | 'message', bytes: Uint8Array): Promise<SignedBundle> {
    return this.#limiter.run(async () => {
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
    const { certificate } = await this.#key.certified();
    const covered = content === 'dsse' ? pae(STATEMENT_PAYLOAD_TYPE, bytes) : Buffer.from(bytes);
    const { signature } = await this.#key.sign(covered);
    const parts = { bytes, signature, certificate: certificate.der };
    const bare = content === 'dsse' ? buildStatementBundle(parts) : buildBlobBundle(parts);
    const bundle = addMaterial(bare, await this.#testify(bare, certificate.pem));
    const transparency = bundle.verificationMaterial.tlogEntries.length > 0 ? 'logged' : 'timestamp-only';
    this.#options.onProgress?.({ event: 'signed', content, transparency });
    return { json: JSON.stringify(bundleToJSON(bundle)), signature, transparency };
  }

  async #testify(bundle: Bundle, certificate: string): Promise<readonly VerificationMaterial[]> {
    return await Promise.all([this.#timestamps.testify(bundle.content), this.#testifyLog(bundle, certificate)]);
  }

  async #testifyLog(bundle: Bundle, certificate: string): Promise<VerificationMaterial> {
    if (this.#log === undefined) return {};
    try {
      return await this.#log.testify(bundle.content, certificate);
    } catch (error) {
      const optional = this.#options.transparency === 'preferred';
      // A log that refuses or lies is a fault, also where the log is only preferred.
      if (!optional || !(error instanceof SigstoreError) || error.code !== 'REKOR_UNAVAILABLE') throw error;
      this.#options.onProgress?.({ event: 'log-unavailable', error });
      return {};
    }
  }
}
