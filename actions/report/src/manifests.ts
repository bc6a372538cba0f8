import type { ManifestText } from '@paved/gate/results';
import type { GitHubClient } from '@paved/runner-kit/github';

const MAX_MANIFESTS = 20;
const MAX_CHARS = 20_000_000;

/** Texts of the files that are there at `ref`, through the API: the job checks out nothing. */
export async function fetchManifests(
  client: GitHubClient,
  { owner, repo, ref }: { readonly owner: string; readonly repo: string; readonly ref: string },
  paths: readonly string[],
): Promise<readonly ManifestText[]> {
  const found: ManifestText[] = [];
  for (const path of paths.slice(0, MAX_MANIFESTS)) {
    const text = await fetchText(client, { owner, repo, ref, path });
    if (text !== undefined && text.length <= MAX_CHARS) found.push({ path, text });
  }
  return found;
}

async function fetchText(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string; readonly ref: string; readonly path: string },
): Promise<string | undefined> {
  try {
    const { data } = await client.rest.repos.getContent({ ...place, mediaType: { format: 'raw' } });
    return typeof data === 'string' ? data : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** HTTP status of an error of the API, if it is one. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' ? status : undefined;
}
