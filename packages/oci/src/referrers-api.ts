import type { Digest } from '@paved/digest';
import { array, JsonError, object, parseJson } from '@paved/json';
import { type Descriptor, descriptorDecoder } from './descriptor.js';
import { OciError } from './error.js';
import { MAX_MANIFEST_BYTES } from './manifest.js';
import { OCI_INDEX } from './media-type.js';
import { nextPage } from './next-page.js';
import type { RepositoryClient } from './repository-client.js';
import { isTransientFailure, withRetry } from './retry.js';

/** `undefined`: the registry has no referrers API. */
export type Referrers = readonly Descriptor[] | undefined;

const MAX_PAGES = 50;
/** Of one subject; a page of 4 MiB names some 30,000, and all are held in memory. */
const MAX_LISTED = 50_000;
const listDecoder = object({ manifests: array(descriptorDecoder) });

/**
 * GET `/v2/<name>/referrers/<digest>` with all its pages (distribution-spec 1.1.1, "Listing Referrers"). Only status 200 with an image
 * index counts as support; a filter that the registry did not apply is applied here.
 */
export async function listReferrersApi(
  repository: RepositoryClient,
  subject: Digest,
  artifactType?: string,
): Promise<Referrers> {
  let url: URL | undefined = repository.url(`referrers/${subject}`);
  if (artifactType !== undefined) url.searchParams.set('artifactType', artifactType);
  const found: Descriptor[] = [];
  for (let page = 0; url !== undefined; page++) {
    if (page >= MAX_PAGES) throw refused(subject, `there are more than ${MAX_PAGES} pages`);
    const answer: Page | undefined = await fetchPage(repository, url);
    if (answer === undefined && page === 0) return undefined;
    // A list that ends in the middle would hide what comes after.
    if (answer === undefined) throw refused(subject, 'a page of the list is not there');
    for (const descriptor of answer.descriptors) found.push(descriptor);
    if (found.length > MAX_LISTED) throw refused(subject, `there are more than ${MAX_LISTED}`);
    url = answer.next;
  }
  return artifactType === undefined ? found : found.filter((entry) => entry.artifactType === artifactType);
}

function refused(subject: Digest, state: string): OciError {
  return new OciError('REGISTRY_REFUSED', `Cannot list the referrers of ${subject}: ${state}`, {
    hint: 'Remove referrers that nobody needs; then run it again',
  });
}

interface Page {
  readonly descriptors: readonly Descriptor[];
  readonly next: URL | undefined;
}

async function fetchPage(repository: RepositoryClient, url: URL): Promise<Page | undefined> {
  return await withRetry(repository.registry.retry, isTransientFailure, async () => {
    const headers = { accept: OCI_INDEX };
    const response = await repository.send({ method: 'GET', url, headers, accept: [200, 404, 405, 501] });
    const mediaType = (response.header('content-type') ?? '').split(';')[0]?.trim();
    if (response.status !== 200 || mediaType !== OCI_INDEX) {
      response.discard();
      return undefined;
    }
    const text = await response.text(MAX_MANIFEST_BYTES);
    return { descriptors: decode(text), next: nextPage(repository, 'referrers', response.header('link'), url) };
  });
}

function decode(text: string): readonly Descriptor[] {
  try {
    return parseJson('a list of referrers', text, listDecoder).manifests;
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new OciError('MANIFEST_INVALID', 'Cannot read a list of referrers', {
      cause,
      hint: 'Check that the registry follows distribution-spec 1.1; the receipt says what it announced',
    });
  }
}
