import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpClient, type RetryPolicy, retryDelayMs } from '@paved/http';
import { canonicalJson } from '@paved/json';
import type { Signature, Signer } from '@sigstore/sign';
import type { SigningCertificate } from './certificate.js';
import { assertCertificateMatchesClaims } from './certificate-claims.js';
import { SigstoreError } from './error.js';
import { fetchCertificate } from './fulcio.js';
import { readTokenClaims, type TokenClaims } from './token.js';

/** A signature must get its timestamp before the certificate ends, retries included. */
export const RENEWAL_MARGIN_MS = 120_000;
const RETRY: RetryPolicy = { attempts: 3, baseDelayMs: 500, maxDelayMs: 20_000 };

export interface SessionKeyOptions {
  readonly http: HttpClient;
  readonly fulcioUrl: string;
  readonly timeoutMs: number;
  readonly renewalMarginMs: number;
  readonly idToken: () => Promise<string>;
  readonly audience: string;
  readonly serverUrl: string;
  /** Our own checks of the claims, before the token is shown to anybody. */
  readonly assertClaims: (claims: TokenClaims) => void;
  readonly onCertificate: (certificate: SigningCertificate) => void;
}

export interface Certified {
  readonly certificate: SigningCertificate;
  readonly claims: TokenClaims;
}

/** One ephemeral P-256 key with one certificate at a time. The private key lives in this object and nowhere else. */
export class SessionKey implements Signer {
  readonly #options: SessionKeyOptions;
  #keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } | undefined;
  #certified: Promise<Certified> | undefined;
  #notAfter = 0;
  #identity: string | undefined;

  constructor(options: SessionKeyOptions) {
    this.#options = options;
    this.#keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  }

  /** The certificate to sign with now; asks for a new one when the current one nears its end. Concurrent callers share one request. */
  async certified(): Promise<Certified> {
    if (this.#certified === undefined || Date.now() > this.#notAfter - this.#options.renewalMarginMs) {
      this.#notAfter = Number.POSITIVE_INFINITY;
      this.#certified = this.#certify();
    }
    try {
      return await this.#certified;
    } catch (error) {
      // The next signature asks again instead of repeating an old failure.
      this.#certified = undefined;
      throw error;
    }
  }

  async sign(data: Buffer): Promise<Signature> {
    const { certificate } = await this.certified();
    const signature = sign('sha256', data, this.#keyPair().privateKey);
    return { signature, key: { $case: 'x509Certificate', certificate: certificate.pem } };
  }

  forget(): void {
    this.#keys = undefined;
  }

  /** Tries again where the authority could not be reached or failed, each time with a fresh token. */
  async #certify(): Promise<Certified> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#certifyOnce();
      } catch (error) {
        const transient = error instanceof SigstoreError && error.code === 'FULCIO_UNAVAILABLE';
        if (!transient || attempt >= RETRY.attempts) throw error;
        await sleep(retryDelayMs(RETRY, attempt, undefined));
      }
    }
  }

  async #certifyOnce(): Promise<Certified> {
    const { audience, idToken, serverUrl, assertClaims, onCertificate } = this.#options;
    const keys = this.#keyPair();
    const token = await idToken();
    const claims = readTokenClaims(token, audience);
    assertClaims(claims);
    const certificate = await fetchCertificate({ ...this.#options, ...keys, token, claims });
    if (!certificate.publicKey.equals(keys.publicKey)) {
      throw new SigstoreError('CERTIFICATE_KEY_MISMATCH', 'Cannot sign: the certificate is for another key', {
        hint: 'Check fulcio-url: the authority certified a key that it was not sent',
      });
    }
    assertCertificateMatchesClaims(certificate, claims, serverUrl);
    this.#assertSameSigner(certificate);
    this.#notAfter = certificate.notAfter.getTime();
    onCertificate(certificate);
    return { certificate, claims };
  }

  /** What a session signs, one identity signs: a later token may be newer, never somebody else's. */
  #assertSameSigner(certificate: SigningCertificate): void {
    const identity = canonicalJson({ san: certificate.san, ...certificate.extensions });
    this.#identity ??= identity;
    if (identity === this.#identity) return;
    throw new SigstoreError('CERTIFICATE_CLAIMS_MISMATCH', 'Cannot sign on: the new certificate names another signer', {
      hint: 'Check who answers requests for the identity token of this job',
    });
  }

  #keyPair(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
    if (this.#keys !== undefined) return this.#keys;
    throw new SigstoreError('SESSION_CLOSED', 'Cannot sign: the session is closed');
  }
}
