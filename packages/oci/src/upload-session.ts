import type { Digest } from '@paved/digest';
import { assertPublicHost } from '@paved/http';
import { OciError } from './error.js';
import type { RepositoryClient } from './repository-client.js';

/**
 * The Location is the registry's word: it may be relative and carry a query, and must not lead into a private network.
 * @throws {OciError} `UPLOAD_INCOMPLETE` without a usable one, `REGISTRY_NOT_ALLOWED`
 */
export function sessionUrl(repository: RepositoryClient, location: string | undefined, base: URL): URL {
  if (location === undefined || !URL.canParse(location, base.href)) {
    throw new OciError('UPLOAD_INCOMPLETE', `Cannot upload to ${base.host}: it gave no usable Location`, {
      hint: 'Look at the registry or the proxy before it: an upload cannot be started without its Location',
    });
  }
  const url = new URL(location, base);
  const isHttp = url.protocol === 'https:' || (url.protocol === 'http:' && base.protocol === 'http:');
  if (!isHttp || url.username !== '' || url.password !== '') throw refused(url, base);
  if (repository.registry.isOwn(url)) return url;
  try {
    assertPublicHost(url, repository.url(''));
  } catch {
    throw refused(url, base);
  }
  return url;
}

function refused(url: URL, base: URL): OciError {
  return new OciError('REGISTRY_NOT_ALLOWED', `Cannot upload to ${url.host}: ${base.host} sends us there`, {
    hint: 'The registry named an upload address in a private network or without TLS',
  });
}

/** The URL that closes a session; `digest` is appended as text, because parsing and printing the query again could change it. */
export function closingUrl(session: URL, digest: Digest): URL {
  const url = new URL(session);
  url.search = `${session.search === '' ? '?' : `${session.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}
