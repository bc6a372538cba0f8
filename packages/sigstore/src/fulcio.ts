import { type KeyObject, sign } from 'node:crypto';
import type { HttpClient } from '@paved/http';
import { array, object, optional, string } from '@paved/json';
import { parseSigningCertificate, type SigningCertificate } from './certificate.js';
import { endpoint } from './endpoint.js';
import { answerInvalid, serviceError } from './service-error.js';
import type { TokenClaims } from './token.js';

export interface CertificateRequest {
  readonly http: HttpClient;
  readonly fulcioUrl: string;
  readonly timeoutMs: number;
  readonly token: string;
  readonly claims: TokenClaims;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const MAX_ANSWER_BYTES = 256 * 1024;

const chain = object({ chain: object({ certificates: array(string) }) });
const answer = object({ signedCertificateEmbeddedSct: optional(chain), signedCertificateDetachedSct: optional(chain) });

/**
 * Exchanges the token for a certificate over `publicKey`. The token goes into the body of this one request, to `fulcioUrl`
 * and nowhere else: redirects are refused, and no error shows any part of it.
 * @throws {SigstoreError} `FULCIO_UNAVAILABLE`, `FULCIO_REFUSED`, `FULCIO_ANSWER_INVALID`, `CERTIFICATE_MALFORMED`
 */
export async function fetchCertificate(request: CertificateRequest): Promise<SigningCertificate> {
  const { http, fulcioUrl, token, timeoutMs } = request;
  try {
    const response = await http.request({
      method: 'POST',
      url: endpoint(fulcioUrl, '/api/v2/signingCert'),
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(certificateRequest(request)),
      timeoutMs,
      // A token that was sent is not sent again: the session asks for a fresh one and tries anew.
      attempts: 1,
    });
    const { signedCertificateEmbeddedSct, signedCertificateDetachedSct } = await response.json(
      answer,
      MAX_ANSWER_BYTES,
    );
    const leaf = (signedCertificateEmbeddedSct ?? signedCertificateDetachedSct)?.chain.certificates[0];
    if (leaf === undefined) throw answerInvalid('FULCIO', 'it holds no certificate');
    return parseSigningCertificate(leaf);
  } catch (error) {
    throw serviceError('FULCIO', error, token);
  }
}

function certificateRequest({ token, claims, privateKey, publicKey }: CertificateRequest): unknown {
  return {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
      // Fulcio asks for a signature over the subject, so that nobody gets a certificate for another's key.
      proofOfPossession: sign('sha256', Buffer.from(claims.sub), privateKey).toString('base64'),
    },
  };
}
