import {
  array,
  boolean,
  type Decoder,
  integer,
  literal,
  object,
  optional,
  parseJson,
  refine,
  string,
} from '@paved/json';
import { BomError } from './error.js';
import { canonicalPurl, type Ecosystem, packageIdOf } from './purl.js';

export const FETCH_MANIFEST_MEDIA_TYPE = 'application/vnd.paved.fetch-manifest.v1+json';

/**
 * One package that the fetch phase downloaded. `purl` is canonical (other spellings are read and rewritten) and unique in its manifest; `digests` were computed from the
 * fetched bytes, as bare hex; `lockDigest` is the text of the lock file (`sha512-...` for npm, `h1:...` for Go), empty where
 * the lock file has none; `direct`: required by the root itself; `dependencies` are purls of other packages of this manifest.
 */
export interface FetchedPackage {
  readonly purl: string;
  readonly name: string;
  readonly version: string;
  readonly ecosystem: Ecosystem;
  readonly size: number;
  readonly digests: { readonly sha256: string; readonly sha512?: string };
  readonly lockDigest: string;
  readonly direct: boolean;
  readonly scope: 'runtime' | 'development';
  /** SPDX expression or the package's own words, as it declares it; never judged here. */
  readonly licence?: string;
  readonly dependencies: readonly string[];
  readonly locations: readonly string[];
}

/** What the fetch phase brought in, written before the first instruction of user code and therefore vouched for by the fetch step. */
export interface FetchManifest {
  readonly mediaType: typeof FETCH_MANIFEST_MEDIA_TYPE;
  readonly source: { readonly repository: string; readonly sha: string; readonly path: string };
  readonly root: { readonly name: string; readonly version: string; readonly purl: string; readonly licence?: string };
  readonly lockfiles: readonly { readonly path: string; readonly kind: string; readonly sha256: string }[];
  readonly packages: readonly FetchedPackage[];
  /** RFC 3339, UTC. */
  readonly fetchedAt: string;
}

function matching(what: string, pattern: RegExp): Decoder<string> {
  return refine(string, (text) => {
    if (pattern.test(text)) return text;
    throw new BomError('FETCH_MANIFEST_INVALID', `"${text.slice(0, 100)}" is not ${what}`);
  });
}

const sha256Hex = matching('64 lower-case hexadecimal digits', /^[0-9a-f]{64}$/);
const sha512Hex = matching('128 lower-case hexadecimal digits', /^[0-9a-f]{128}$/);
const commit = matching('a commit id', /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const nonEmpty = matching('a text of 1 to 1,000 characters', /^[^\0]{1,1000}$/s);
const timestamp = matching('an RFC 3339 time in UTC', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/);
const size = refine(integer, (bytes) => {
  if (bytes < 0) throw new BomError('FETCH_MANIFEST_INVALID', 'a size is negative');
  return bytes;
});
const purl = refine(string, canonicalPurl);

const fetchedPackage: Decoder<FetchedPackage> = object({
  purl,
  name: nonEmpty,
  version: nonEmpty,
  ecosystem: literal<Ecosystem>('npm', 'Go', 'PyPI', 'crates.io', 'Maven', 'purl:generic', 'purl:oci'),
  size,
  digests: object({ sha256: sha256Hex, sha512: optional(sha512Hex) }),
  lockDigest: string,
  direct: boolean,
  scope: literal('runtime', 'development'),
  licence: optional(string),
  dependencies: array(purl),
  locations: array(string),
});

/** Shape alone; {@link parseFetchManifest} also checks what the fields say about each other. */
export const fetchManifest: Decoder<FetchManifest> = object({
  mediaType: literal(FETCH_MANIFEST_MEDIA_TYPE),
  source: object({ repository: nonEmpty, sha: commit, path: string }),
  root: object({ name: nonEmpty, version: nonEmpty, purl, licence: optional(string) }),
  lockfiles: array(object({ path: nonEmpty, kind: nonEmpty, sha256: sha256Hex })),
  packages: array(fetchedPackage),
  fetchedAt: timestamp,
});

/**
 * Reads a fetch manifest and holds it to its own word: each purl is unique and names the same package as `name`,
 * `version` and `ecosystem`; each dependency is one of the packages.
 * @throws {JsonError} `JSON_MALFORMED`, `JSON_UNEXPECTED` with the path of the field
 * @throws {BomError} `FETCH_MANIFEST_INVALID`
 */
export function parseFetchManifest(text: string): FetchManifest {
  const manifest = parseJson('the fetch manifest', text, fetchManifest);
  const known = new Set<string>();
  for (const entry of manifest.packages) {
    if (known.has(entry.purl)) throw contradiction(`"${entry.purl}" is listed twice`);
    known.add(entry.purl);
    assertPurlAgrees(entry);
  }
  for (const entry of manifest.packages) {
    const dangling = entry.dependencies.find((purl) => !known.has(purl));
    if (dangling !== undefined) throw contradiction(`"${entry.purl}" depends on "${dangling}", which is not in it`);
  }
  return manifest;
}

function assertPurlAgrees(entry: FetchedPackage): void {
  const id = packageIdOf(entry.purl);
  // purl-spec lower-cases Go module paths, the module path itself keeps its case.
  const same = entry.ecosystem === 'Go' ? id.name.toLowerCase() === entry.name.toLowerCase() : id.name === entry.name;
  if (!same || id.version !== entry.version || id.ecosystem !== entry.ecosystem) {
    throw contradiction(
      `"${entry.purl}" is said to be ${entry.ecosystem} ${entry.name} ${entry.version}`.slice(0, 400),
    );
  }
}

function contradiction(state: string): BomError {
  return new BomError('FETCH_MANIFEST_INVALID', `Cannot read the fetch manifest: ${state}`, {
    hint: 'Run the fetch phase again; a manifest is never edited by hand',
  });
}
