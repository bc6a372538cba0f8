import { ownersOfCodeowners } from '@paved/gate';
import { parseAllDocuments } from 'yaml';
import { ScanGateError } from './error.js';

/** Where GitHub looks for it; the first that is there counts. */
const CODEOWNERS_PATHS = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'];
const CATALOG_PATH = 'catalog-info.yaml';
const MAX_DOCUMENTS = 100;

/** Everybody who owns a part of the repository at the commit that `read` reads from; lower case. */
export async function fetchOwners(read: (path: string) => Promise<string | undefined>): Promise<ReadonlySet<string>> {
  const owners = new Set<string>();
  for (const path of CODEOWNERS_PATHS) {
    const text = await read(path);
    if (text === undefined) continue;
    for (const owner of ownersOfCodeowners(text)) owners.add(owner);
    break;
  }
  const catalog = await read(CATALOG_PATH);
  if (catalog !== undefined) for (const owner of ownersOfCatalog(catalog)) owners.add(owner);
  return owners;
}

/** `spec.owner` of each entity, as written and without its kind and namespace (`group:default/web` is also `web`). */
export function ownersOfCatalog(text: string): readonly string[] {
  const documents = parseAllDocuments(text, { schema: 'core', strict: true });
  const list = 'empty' in documents ? [] : documents;
  if (list.length > MAX_DOCUMENTS || list.some(({ errors }) => errors.length > 0)) {
    throw new ScanGateError('POLICY_UNREADABLE', `Cannot read ${CATALOG_PATH}: it is no YAML`);
  }
  return list.flatMap((document) => {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    const spec = typeof value === 'object' && value !== null && 'spec' in value ? value.spec : undefined;
    const owner = typeof spec === 'object' && spec !== null && 'owner' in spec ? spec.owner : undefined;
    if (typeof owner !== 'string' || owner === '') return [];
    const lower = owner.toLowerCase();
    return [lower, lower.replace(/^[a-z]+:/, '').replace(/^[^/]*\//, '')];
  });
}
