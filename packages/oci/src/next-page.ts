import { OciError } from './error.js';
import type { RepositoryClient } from './repository-client.js';

/**
 * The address of `rel="next"` in a Link header (RFC 8288). A page on another host is not followed: it would need credentials there.
 * @throws {OciError} `REGISTRY_NOT_ALLOWED`
 */
export function nextPage(
  repository: RepositoryClient,
  what: string,
  link: string | undefined,
  base: URL,
): URL | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, base.href)) return undefined;
  const url = new URL(target, base);
  if (repository.registry.isOwn(url)) return url;
  throw new OciError('REGISTRY_NOT_ALLOWED', `Cannot list ${what}: ${base.host} continues on ${url.host}`, {
    hint: 'Use the host that the registry itself uses',
  });
}
