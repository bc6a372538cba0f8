import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type AccessTokens, type Credentials, RegistryAuth } from './auth.js';
import type { RegistryBehaviour } from './behaviour.js';
import { blob, continueUpload, startUpload } from './blob-routes.js';
import type { Fault } from './fault.js';
import { type LoggedRequest, type Loopback, type Reply, startLoopback } from './loopback.js';
import { manifest, referrers, tagsList } from './manifest-routes.js';
import { REGISTRY_MODES, type RegistryMode } from './modes.js';
import { ociError } from './oci-error.js';
import { RegistryStore, StoredRepository } from './store.js';

export interface RegistryOptions extends RegistryBehaviour {
  /** Behaves like this registry; single members of the behaviour can be set beside it. Default `plain`. */
  readonly mode?: RegistryMode;
  /** Default `anonymous`. */
  readonly auth?: 'anonymous' | 'basic' | 'bearer';
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

const ROUTE = /^\/v2\/(?<name>.+?)\/(?<kind>blobs|manifests|referrers|tags)\/(?<rest>.+|)$/;

/** distribution-spec 1.1.1, "Pulling manifests". */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** Starts an OCI distribution-spec 1.1.1 registry on 127.0.0.1 that keeps everything in memory. */
export async function startRegistry(given: RegistryOptions = {}): Promise<RegistryDouble> {
  const options = { ...REGISTRY_MODES[given.mode ?? 'plain'], ...given };
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
  const { name, kind, rest } = ROUTE.exec(decode(url.pathname))?.groups ?? {};
  if (name === undefined || kind === undefined || rest === undefined) return ociError(404, 'UNSUPPORTED');
  if (!NAME.test(name)) return ociError(400, 'NAME_INVALID');
  const from = url.searchParams.get('from');
  const refused = auth.refuse(
    request,
    url.origin,
    neededScopes(request.method, name, kind === 'blobs' && rest.startsWith('uploads'), from),
  );
  if (refused !== undefined) return refused;
  // Asking for a repository does not make one.
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const repository = reading && !store.has(name) ? new StoredRepository() : store.repository(name);
  const context = { request, url, name, store, repository, options };
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

function decode(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return '';
  }
}
