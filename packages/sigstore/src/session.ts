import {
  assertWitnessOptions,
  type BundleProgress,
  BundleRun,
  type BundleSigner,
  DEFAULT_TIMEOUT_MS,
  logsOf,
  type WitnessOptions,
} from './bundle-run.js';
import type { SigningCertificate } from './certificate.js';
import { GITHUB_SERVER_URL } from './certificate-claims.js';
import { SigstoreError } from './error.js';
import { RENEWAL_MARGIN_MS, SessionKey } from './session-key.js';
import { loadSignLibrary } from './sign-library.js';
import type { TokenClaims } from './token.js';

export interface SigningSessionOptions extends WitnessOptions {
  /** The only address that the identity token is sent to. */
  readonly fulcioUrl: string;
  /** Needed unless a log of version 1 is required: its promise says when, and an entry of Rekor v2 does not. */
  readonly tsaUrl?: string;
  /** Called for each certificate, and again when a token was refused or has expired. */
  readonly idToken: () => Promise<string>;
  /** Default `sigstore`. */
  readonly audience?: string;
  /** The GitHub server of the claims (default https://github.com). */
  readonly serverUrl?: string;
  /** Runs on the claims of every token before it is sent anywhere; throws to refuse. */
  readonly assertClaims?: (claims: TokenClaims) => void;
  /** How long before its end a certificate is used no more, in milliseconds (default 120,000): what follows a signature takes time too. */
  readonly renewalMarginMs?: number;
  readonly onProgress?: (progress: SigningProgress) => void;
}

export type SigningProgress =
  | BundleProgress
  | { readonly event: 'certificate'; readonly certificate: SigningCertificate };

/** One token, one key, one certificate, any number of signatures. */
export interface SigningSession extends BundleSigner {
  /** Certificate and claims have been compared (see `assertCertificateMatchesClaims`) before the session exists. */
  readonly certificate: SigningCertificate;
  readonly claims: TokenClaims;
}

/**
 * Gets token and certificate and compares them, so that nothing can be signed under an identity that is not the job's.
 * @throws {SigstoreError} `SESSION_INVALID`, `ID_TOKEN_*`, `FULCIO_*`, `CERTIFICATE_*`, and what `assertClaims` throws
 */
export async function openSigningSession(options: SigningSessionOptions): Promise<SigningSession> {
  assertWitnessOptions(options);
  if (!hasTime(options)) {
    throw new SigstoreError('SESSION_INVALID', 'Cannot sign with a certificate: no timestamp authority is named', {
      hint: 'A certificate of minutes is worth nothing without a verified time',
    });
  }
  const { http, timeouts, fulcioUrl, idToken, onProgress } = options;
  const key = new SessionKey({
    http,
    fulcioUrl,
    idToken,
    timeoutMs: timeouts?.fulcioMs ?? DEFAULT_TIMEOUT_MS,
    renewalMarginMs: options.renewalMarginMs ?? RENEWAL_MARGIN_MS,
    audience: options.audience ?? 'sigstore',
    serverUrl: options.serverUrl ?? GITHUB_SERVER_URL,
    assertClaims: options.assertClaims ?? (() => undefined),
    onCertificate: (certificate) => onProgress?.({ event: 'certificate', certificate }),
  });
  // The library loads while the token and the certificate travel.
  const [{ certificate, claims }] = await Promise.all([key.certified(), loadSignLibrary()]);
  const run = new BundleRun(options, key, 'ecdsa-p256-sha256', (progress) => onProgress?.(progress));
  return {
    certificate,
    claims,
    signStatement: (statement) => run.sign('dsse', statement),
    signBlob: (bytes) => run.sign('message', bytes),
    timestamp: (bytes) => run.timestamp(bytes),
    close: () => key.forget(),
  };
}

function hasTime(options: SigningSessionOptions): boolean {
  if (options.tsaUrl !== undefined || (options.tsaUrls ?? []).length > 0) return true;
  return options.transparency === 'required' && logsOf(options).some(({ version }) => version === 1);
}
