import { type Bom, purlWithoutVersion, readBom, type SbomComponent } from '@paved/bom';
import { isRecordFor, matchOsv, type OsvRecord, packageKeys } from '@paved/gate';
import { type CodeOwners, matchesPattern, ownersOf } from '@paved/gate/results';
import { array, object, optional, parseJson, string } from '@paved/json';
import { QueryError } from './error.js';
import type { StoredPack } from './read-store.js';

export interface Question {
  readonly purl?: string;
  readonly id?: string;
  readonly records: readonly OsvRecord[];
  /** RFC 3339. */
  readonly until?: string;
  readonly owners: CodeOwners;
}

/** One released artifact that the question is about. */
export interface Hit {
  readonly digests: readonly string[];
  readonly artifact: string;
  readonly architecture: string;
  /** `because`: the stored scan said so, an advisory matches now, or the package is inside. */
  readonly packages: readonly { readonly purl: string; readonly because: 'scan' | 'advisory' | 'inside' }[];
  readonly repository: string;
  readonly commit: string;
  readonly ref: string;
  readonly releasedAt: string;
  readonly owners: readonly string[];
}

const verdict = object({
  findings: array(
    object({
      id: string,
      aliases: array(string),
      package: optional(object({ purl: string, versions: array(string) })),
    }),
  ),
});

/** `undefined` when the pack is not in the answer. */
export async function answerOf(pack: StoredPack, question: Question): Promise<Hit | undefined> {
  const { artifact, run, createdAt, files } = pack.manifest;
  if (question.until !== undefined && Date.parse(createdAt) > Date.parse(question.until)) return undefined;
  const found = new Map<string, Hit['packages'][number]['because']>();
  const sboms = sbomsOf(files.map(({ path }) => path));
  if (sboms.length === 0) {
    throw new QueryError(
      'SBOM_MISSING',
      `Cannot answer about "${artifact.name}" of ${createdAt}: its pack has no SBOM`,
      {
        hint: 'Store the SBOMs with the release; what nobody listed is not the same as nothing',
      },
    );
  }
  // What was checked against the schema when it was released is not checked again: the digest says that it is the same.
  for (const path of sboms) inside(readBom(await pack.read(path), { schema: false }), question, found);
  if (question.id !== undefined) await scanned(pack, question.id, found);
  if (found.size === 0) return undefined;
  return {
    digests: [...new Set(artifact.subjects.map(({ digest }) => digest))].sort(),
    artifact: artifact.name,
    architecture: artifact.architecture,
    packages: [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([purl, because]) => ({ purl, because })),
    repository: run.repository,
    commit: run.sha,
    ref: run.ref,
    releasedAt: createdAt,
    owners: ownersOf(question.owners, `${run.repository}/${artifact.name}`),
  };
}

/** Every SBOM once: SPDX where the same is not there as CycloneDX. */
function sbomsOf(paths: readonly string[]): readonly string[] {
  const own = new Set(paths.filter((path) => /^sboms\/.*\.json$/.test(path) && !path.endsWith('.sigstore.json')));
  return [...own].filter(
    (path) => !own.has(path.replace(/-spdx\.json$/, '-cyclonedx.json')) || !/-spdx\.json$/.test(path),
  );
}

/** Scopes are written with and without escape, ids in either case: whoever asks must not get "nowhere" for the spelling. */
const spelt = (purl: string) => purl.replaceAll(/%40/gi, '@');
export const sameId = (a: string, b: string) => a.toUpperCase() === b.toUpperCase();

function inside(bom: Bom, { purl, records }: Question, found: Map<string, Hit['packages'][number]['because']>): void {
  if (purl !== undefined) {
    const pattern = spelt(purl);
    for (const { purl: own } of bom.components) {
      if (own === undefined) continue;
      if (matchesPattern(pattern, spelt(own)) || matchesPattern(pattern, spelt(purlWithoutVersion(own))))
        found.set(own, 'inside');
    }
  }
  if (records.length === 0) return;
  const components = bom.components.map(
    ({ purl: own, name, version, licences, scope }): SbomComponent => ({
      ...(own === undefined ? {} : { purl: own }),
      name,
      ...(version === undefined ? {} : { version }),
      licences,
      scope,
      direct: false,
    }),
  );
  const keys = packageKeys(components);
  const own = records.filter((record) => isRecordFor(keys, record));
  for (const { purl: affected } of matchOsv(components, own).findings) {
    if (affected !== undefined) found.set(affected, 'advisory');
  }
}

/** Verdicts among the scans; another report in the folder is not ours to read. */
async function scanned(
  pack: StoredPack,
  id: string,
  found: Map<string, Hit['packages'][number]['because']>,
): Promise<void> {
  for (const { path } of pack.manifest.files) {
    if (!/^scans\/.*\.json$/.test(path)) continue;
    const text = (await pack.read(path)).toString('utf8');
    if (!text.includes('application/vnd.paved.verdict.v1+json')) continue;
    for (const finding of parseJson('a stored verdict', text, verdict).findings) {
      if (finding.package === undefined || ![finding.id, ...finding.aliases].some((own) => sameId(own, id))) continue;
      for (const version of finding.package.versions) found.set(`${finding.package.purl}@${version}`, 'scan');
    }
  }
}
