import { CODEOWNERS_PATHS, catalogOwners, ownersOf, parseCodeOwners } from '@paved/gate/results';
import type { GitHubClient } from '@paved/runner-kit/github';
import { fetchManifests } from './manifests.js';

const CATALOG_PATH = 'catalog-info.yaml';
const MAX_DOCUMENTS = 100;

/** Owners of `path` by CODEOWNERS (its first place that is there), then those of the entities of catalog-info.yaml. */
export async function fetchOwners(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string; readonly ref: string },
  path: string,
): Promise<readonly string[]> {
  const [owned] = await fetchManifests(client, place, CODEOWNERS_PATHS);
  const [catalog] = await fetchManifests(client, place, [CATALOG_PATH]);
  const byPath = owned === undefined ? [] : ownersOf(parseCodeOwners(owned.text), path);
  return [...new Set([...byPath, ...(catalog === undefined ? [] : await ownersOfCatalog(catalog.text))])];
}

/** A catalogue that cannot be read names nobody: it is the text of the change that is reported. */
async function ownersOfCatalog(text: string): Promise<readonly string[]> {
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text, { schema: 'core', strict: true });
  const list = 'empty' in documents ? [] : documents;
  if (list.length > MAX_DOCUMENTS || list.some(({ errors }) => errors.length > 0)) return [];
  try {
    return catalogOwners(list.map((document): unknown => document.toJS({ maxAliasCount: 0 })));
  } catch {
    return [];
  }
}
