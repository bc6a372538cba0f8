import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type AccessTokens, type Credentials, RegistryAuth } from './auth.js';
import { blob, continueUpload, startUpload } from './blob-routes.js';
import type { Fault } from './fault.js';
import { type LoggedRequest, type Loopback, type Reply, startLoopback } from './loopback.js';
import { manifest, referrers, tagsList } from './manifest-routes.js';
import { ociError } from './oci-error.js';
import { RegistryStore } from './store.js';

export interface RegistryOptions {
  /** `false`: 404 on the referrers API and no OCI-Subject, so that clients must keep the fallback tag (default `true`). */
  readonly referrers?: boolean;
  /** `false`: a manifest whose subject is not there yet is refused (default `true`, as the specification demands). */
  readonly acceptMissingSubject?: boolean;
  /** Default `anonymous`. */
  readonly auth?: 'anonymous' | 'basic' | 'bearer';
  /** `true`: a tag that exists answers 409 to another digest. */
  readonly immutableTags?: boolean;
  readonly credentials?: Credentials;
  readonly acceptPassword?: (username: string, password: string) => boolean;
  readonly tokenService?: AccessTokens;
  readonly tokenUses?: number;
  readonly anonymousPull?: boolean;
  /** Replaces the realm of the Bearer challenge, for hostile registries. */
  readonly realm?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Called once per request, in order; what it returns goes wrong. */
  readonly onRequest?: (request: LoggedRequest) => Fault | undefined;
}

export interface RegistryDouble extends Loopback {
  readonly store: RegistryStore;
  readonly credentials: Credentials;
}

const ROUTE = /^\/v2\/(?<name>[a-z0-9._/-]+?)\/(?<kind>blobs|manifests|referrers|tags)\/(?<rest>.+|)$/;

/** Starts an OCI distribution-spec 1.1.1 registry on 127.0.0.1 that keeps everything in memory. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const store = new RegistryStore();
  const credentials = options.credentials ?? { username: 'paved', password: randomUUID() };
  const auth = new RegistryAuth({ ...options, mode: options.auth ?? 'anonymous', credentials });
  const loopback = await startLoopback({
    onRequest: options.onRequest,
    port: options.port,
    handle: (request, url) => route({ request, url, store, auth, options }),
  });
  return { ...loopback, store, credentials };
}

interface Route {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly store: RegistryStore;
  readonly auth: RegistryAuth;
  readonly options: RegistryOptions;
}

async function route({ request, url, store, auth, options }: Route): Promise<Reply> {
  if (url.pathname === '/token') return auth.token(request, url);
  if (url.pathname === '/v2/' || url.pathname === '/v2') {
    return auth.refuse(request, url.origin, []) ?? { status: 200, body: '{}' };
  }
  const { name, kind, rest } = ROUTE.exec(decodeURI(url.pathname))?.groups ?? {};
  if (name === undefined || kind === undefined || rest === undefined) return ociError(404, 'NOT_FOUND');
  const from = url.searchParams.get('from');
  const refused = auth.refuse(
    request,
    url.origin,
    neededScopes(request.method, name, kind === 'blobs' && rest.startsWith('uploads'), from),
  );
  if (refused !== undefined) return refused;
  const context = { request, url, name, store, repository: store.repository(name), options };
  if (kind === 'manifests') return manifest(context, rest);
  if (kind === 'referrers') return referrers(context, rest);
  if (kind === 'tags') return tagsList(context);
  if (rest === 'uploads/' || rest === 'uploads') return startUpload(context);
  const session = /^uploads\/(.+)$/.exec(rest)?.[1];
  return session === undefined ? blob(context, rest) : continueUpload(context, session);
}

function neededScopes(
  method: string | undefined,
  name: string,
  uploading: boolean,
  from: string | null,
): readonly string[] {
  const pull = `repository:${name}:pull`;
  if (method === 'GET' || method === 'HEAD') return [pull];
  if (method === 'DELETE' && !uploading) return [`repository:${name}:delete`];
  return [pull, `repository:${name}:push`, ...(from === null ? [] : [`repository:${from}:pull`])];
}
