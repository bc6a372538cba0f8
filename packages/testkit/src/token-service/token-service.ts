import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Fault } from '../registry/fault.js';
import { type LoggedRequest, type Loopback, type Reply, readBody, startLoopback } from '../registry/loopback.js';

export interface TokenServiceOptions {
  /** The only issuer whose tokens count; its keys are read from `jwksUrl`. */
  readonly issuer: string;
  /** Default `<issuer>/.well-known/jwks`. */
  readonly jwksUrl?: string;
  /** The `aud` that a subject token must carry. */
  readonly audience: string;
  /** Default 600. */
  readonly lifetimeSeconds?: number;
  /** Which verified claims get a token (default: all). */
  readonly allow?: (claims: JWTPayload) => boolean;
  readonly onRequest?: (request: LoggedRequest) => Fault | undefined;
}

export interface IssuedToken {
  readonly accessToken: string;
  readonly claims: JWTPayload;
  readonly scope: string | undefined;
  readonly resource: string | undefined;
  readonly expiresAt: number;
  revoked: boolean;
}

export interface TokenService extends Loopback {
  readonly tokenUrl: string;
  readonly revocationUrl: string;
  readonly issued: readonly IssuedToken[];
  /** Whether a registry accepts this access token now. */
  isActive(token: string): boolean;
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const SUBJECT_TYPES = new Set(['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token']);
const DEFAULT_LIFETIME_SECONDS = 600;

/**
 * Starts an RFC 8693 token exchange (`/token`) and an RFC 7009 revocation endpoint (`/revoke`).
 * Each subject token is good for one exchange: a client that retries has to ask its issuer for a fresh one.
 */
export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const keys = createRemoteJWKSet(new URL(options.jwksUrl ?? `${options.issuer}/.well-known/jwks`));
  const issued: IssuedToken[] = [];
  const used = new Set<string>();
  const loopback = await startLoopback({
    onRequest: options.onRequest,
    handle: async (request, url) => {
      if (request.method === 'POST' && url.pathname === '/token') return exchange(request);
      if (request.method === 'POST' && url.pathname === '/revoke') return revoke(request);
      return { status: 404 };
    },
  });

  async function exchange(request: IncomingMessage): Promise<Reply> {
    const form = new URLSearchParams((await readBody(request)).toString('utf8'));
    if (form.get('grant_type') !== GRANT_TYPE) return oauthError('unsupported_grant_type');
    if (!SUBJECT_TYPES.has(form.get('subject_token_type') ?? '')) return oauthError('invalid_request');
    const claims = await verify(form.get('subject_token') ?? '');
    if (claims === undefined) return oauthError('invalid_grant');
    if (options.allow?.(claims) === false) return oauthError('invalid_target');
    const lifetime = options.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
    const token: IssuedToken = {
      accessToken: `access-${randomUUID()}`,
      claims,
      scope: form.get('scope') ?? undefined,
      resource: form.get('resource') ?? undefined,
      expiresAt: Date.now() + lifetime * 1000,
      revoked: false,
    };
    issued.push(token);
    return json(200, {
      access_token: token.accessToken,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: lifetime,
      ...(token.scope === undefined ? {} : { scope: token.scope }),
    });
  }

  async function verify(subjectToken: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(subjectToken, keys, { issuer: options.issuer, audience: options.audience });
      const id = payload.jti;
      if (id === undefined || used.has(id)) return undefined;
      used.add(id);
      return payload;
    } catch {
      return undefined;
    }
  }

  async function revoke(request: IncomingMessage): Promise<Reply> {
    const form = new URLSearchParams((await readBody(request)).toString('utf8'));
    const token = issued.find((entry) => entry.accessToken === form.get('token'));
    if (token !== undefined) token.revoked = true;
    // RFC 7009, 2.2: an unknown token is answered 200 as well.
    return { status: 200 };
  }

  return {
    ...loopback,
    tokenUrl: `${loopback.url}/token`,
    revocationUrl: `${loopback.url}/revoke`,
    issued,
    isActive: (token) =>
      issued.some((entry) => entry.accessToken === token && !entry.revoked && entry.expiresAt > Date.now()),
  };
}

function oauthError(error: string): Reply {
  return json(400, { error });
}

function json(status: number, body: unknown): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}
