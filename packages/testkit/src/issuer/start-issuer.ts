import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { listenOnLoopback } from './listen.js';

export interface SignTokenOptions {
  readonly audience: string;
  /** Default 300, as GitHub's tokens. A negative value makes a token that has expired already. */
  readonly lifetimeSeconds?: number;
}

/** A loopback OIDC issuer: discovery document, key set, and RS256 tokens. */
export interface Issuer {
  /** Value of `iss`, without a trailing slash. */
  readonly url: string;
  /** The public keys, as `GET <url>/.well-known/jwks` answers them. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** `claims` cannot override `iss`, `aud` and the times. */
  sign(claims: Readonly<Record<string, string>>, options: SignTokenOptions): Promise<string>;
  close(): Promise<void>;
}

const DEFAULT_LIFETIME_SECONDS = 300;
const ALGORITHM = 'RS256';

/** Starts an issuer with a fresh 2048-bit RSA key on a free loopback port. */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { modulusLength: 2048 });
  const kid = randomUUID();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: ALGORITHM, use: 'sig' }] };
  const server = createServer((request, response) => {
    if (request.url === '/.well-known/openid-configuration') return answer(response, 200, discovery(url));
    if (request.url === '/.well-known/jwks') return answer(response, 200, jwks);
    return answer(response, 404, { message: 'not found' });
  });
  const { url, close } = await listenOnLoopback(server);
  return {
    url,
    jwks,
    close,
    async sign(claims, { audience, lifetimeSeconds = DEFAULT_LIFETIME_SECONDS }) {
      const now = Math.floor(Date.now() / 1000);
      const issuedAt = Math.min(now, now + lifetimeSeconds) - 5;
      return await new SignJWT({ ...claims, jti: randomUUID() })
        .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
        .setIssuer(url)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(now + lifetimeSeconds)
        .sign(privateKey);
    },
  };
}

function discovery(url: string): unknown {
  return {
    issuer: url,
    jwks_uri: `${url}/.well-known/jwks`,
    subject_types_supported: ['public', 'pairwise'],
    response_types_supported: ['id_token'],
    id_token_signing_alg_values_supported: [ALGORITHM],
    scopes_supported: ['openid'],
  };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
