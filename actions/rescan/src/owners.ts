import { CODEOWNERS_PATHS, ownersOf, parseCodeOwners } from '@paved/gate/results';
import type { GitHubClient, Place } from '@paved/runner-kit/github';

/** From the default branch, through the API; a repository without CODEOWNERS has nobody to mention, and the issue says so. */
export async function fetchOwners(client: GitHubClient, place: Place, path: string): Promise<readonly string[]> {
  for (const file of CODEOWNERS_PATHS) {
    try {
      const { data } = await client.rest.repos.getContent({ ...place, path: file, mediaType: { format: 'raw' } });
      if (typeof data === 'string') return ownersOf(parseCodeOwners(data), path);
    } catch (error) {
      if ((error as { status?: unknown } | null)?.status !== 404) throw error;
    }
  }
  return [];
}
