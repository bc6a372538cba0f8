import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Reply, readBody } from './loopback.js';
import { ociError } from './oci-error.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The part of a token service that a registry needs: see `startTokenService`. */
export interface AccessTokens {
  readonly url: string;
  isActive(token: string): boolean;
}

export interface AuthOptions {
  readonly mode: 'anonymous' | 'basic' | 'bearer';
  readonly credentials: Credentials;
  /** Further passwords, for example a job's own token. */
  readonly acceptPassword?: ((username: string, password: string) => boolean) | undefined;
  readonly tokenService?: AccessTokens | undefined;
  /** A bearer token answers 401 after so many uses, so that refreshing can be tested without a clock. */
  readonly tokenUses?: number | undefined;
  /** Whether `pull` is granted to a token request without credentials. */
  readonly anonymousPull?: boolean | undefined;
  /** Replaces the realm of the challenge. */
  readonly realm?: string | undefined;
}

interface Grant {
  readonly scopes: ReadonlySet<string>;
  uses: number;
}

/** Decides who may do what: Basic, or the token flow of the distribution project with one scope per repository and action. */
export class RegistryAuth {
  readonly #options: AuthOptions;
  readonly #grants = new Map<string, Grant>();

  constructor(options: AuthOptions) {
    this.#options = options;
  }

  /** The answer that refuses, or `undefined` when the request may pass. */
  refuse(request: IncomingMessage, origin: string, needed: readonly string[]): Reply | undefined {
    if (this.#options.mode === 'anonymous') return undefined;
    const authorization = request.headers.authorization ?? '';
    if (this.#options.mode === 'basic') {
      return this.#knows(authorization)
        ? undefined
        : ociError(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="registry"' });
    }
    return this.#allows(authorization, needed) ? undefined : this.#challenge(origin, needed);
  }

  /** GET or POST of the realm: answers a token with exactly the scopes that the caller may have. */
  async token(request: IncomingMessage, url: URL): Promise<Reply> {
    const form =
      request.method === 'POST' ? new URLSearchParams((await readBody(request)).toString()) : url.searchParams;
    const authorization = request.headers.authorization ?? '';
    const refresh = form.get('refresh_token');
    const known = this.#knows(authorization) || (refresh !== null && refresh === this.#options.credentials.password);
    if (refresh !== null && !known) return ociError(401, 'UNAUTHORIZED');
    if (authorization !== '' && !known) return ociError(401, 'UNAUTHORIZED');
    const asked = form
      .getAll('scope')
      .flatMap((scope) => scope.split(' '))
      .flatMap(expandScope);
    const granted = asked.filter((scope) => known || (this.#options.anonymousPull === true && scope.endsWith(':pull')));
    const token = `registry-${randomUUID()}`;
    this.#grants.set(token, { scopes: new Set(granted), uses: 0 });
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, expires_in: 300 }),
    };
  }

  #knows(authorization: string): boolean {
    const encoded = /^Basic (.+)$/.exec(authorization)?.[1];
    if (encoded === undefined) return false;
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const separator = text.indexOf(':');
    const [username, password] = [text.slice(0, separator), text.slice(separator + 1)];
    const { credentials, acceptPassword, tokenService } = this.#options;
    return (
      (username === credentials.username && password === credentials.password) ||
      acceptPassword?.(username, password) === true ||
      tokenService?.isActive(password) === true
    );
  }

  #allows(authorization: string, needed: readonly string[]): boolean {
    const token = /^Bearer (.+)$/.exec(authorization)?.[1];
    if (token === undefined) return false;
    if (this.#options.tokenService?.isActive(token) === true) return true;
    const grant = this.#grants.get(token);
    if (grant === undefined || !needed.every((scope) => grant.scopes.has(scope))) return false;
    grant.uses++;
    return grant.uses <= (this.#options.tokenUses ?? Number.POSITIVE_INFINITY);
  }

  #challenge(origin: string, needed: readonly string[]): Reply {
    const realm = this.#options.realm ?? `${origin}/token`;
    const repository = needed[0]?.slice(0, needed[0].lastIndexOf(':'));
    const actions = needed.map((scope) => scope.slice(scope.lastIndexOf(':') + 1)).join(',');
    const scope = repository === undefined ? '' : `,scope="${repository}:${actions}"`;
    return ociError(401, 'UNAUTHORIZED', {
      'www-authenticate': `Bearer realm="${realm}",service="registry.test"${scope}`,
    });
  }
}

function expandScope(scope: string): readonly string[] {
  const match = /^(repository:.+):([a-z,]+)$/.exec(scope);
  if (match === null) return [];
  return (match[2] ?? '').split(',').map((action) => `${match[1]}:${action}`);
}
