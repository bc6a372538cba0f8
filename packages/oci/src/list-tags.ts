import { array, JsonError, nullable, object, parseJson, string } from '@paved/json';
import { OciError } from './error.js';
import { MAX_MANIFEST_BYTES } from './manifest.js';
import { nextPage } from './next-page.js';
import type { RepositoryClient } from './repository-client.js';
import { isTransientFailure, withRetry } from './retry.js';

const PAGE = 1000;
const MAX_PAGES = 50;
// Go registries write null for an empty list.
const listDecoder = object({ tags: nullable(array(string)) });

/**
 * GET `/v2/<name>/tags/list` with all its pages (distribution-spec 1.1.1, "Listing Tags"), in the registry's order. A repository that is
 * not there has none.
 * @throws {OciError} `REGISTRY_REFUSED` for more than 50,000 tags, `MANIFEST_INVALID`, `REGISTRY_NOT_ALLOWED` for a page on another host
 */
export async function listTags(repository: RepositoryClient): Promise<readonly string[]> {
  let url: URL | undefined = repository.url('tags/list');
  url.searchParams.set('n', String(PAGE));
  const found: string[] = [];
  for (let page = 0; url !== undefined; page++) {
    if (page >= MAX_PAGES) {
      throw new OciError(
        'REGISTRY_REFUSED',
        `Cannot list the tags of ${repository.name}: more than ${MAX_PAGES} pages`,
        { hint: 'Name the references by digest instead of all tags' },
      );
    }
    const answer: Page = await fetchPage(repository, url);
    for (const tag of answer.tags) found.push(tag);
    url = answer.next;
  }
  return found;
}

interface Page {
  readonly tags: readonly string[];
  readonly next: URL | undefined;
}

async function fetchPage(repository: RepositoryClient, url: URL): Promise<Page> {
  return await withRetry(repository.registry.retry, isTransientFailure, async () => {
    const response = await repository.send({ method: 'GET', url, accept: [200, 404] });
    if (response.status === 404) {
      response.discard();
      return { tags: [], next: undefined };
    }
    const text = await response.text(MAX_MANIFEST_BYTES);
    return { tags: decode(text) ?? [], next: nextPage(repository, 'tags', response.header('link'), url) };
  });
}

function decode(text: string): readonly string[] | null {
  try {
    return parseJson('a list of tags', text, listDecoder).tags;
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new OciError('MANIFEST_INVALID', 'Cannot read a list of tags', {
      cause,
      hint: 'Check that the address is a registry (distribution-spec)',
    });
  }
}
