import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BUILD_RECORD_MEDIA_TYPE,
  type BuildRecord,
  IMAGE_PATCHES_MEDIA_TYPE,
  type ImagePatches,
  ISOLATION_MEDIA_TYPE,
  type IsolationReport,
  parseBuildRecord,
  parseImagePatches,
  parseIsolationReport,
} from '@paved/attestation';
import { FETCH_MANIFEST_MEDIA_TYPE, type FetchManifest, parseFetchManifest } from '@paved/bom/fetch-manifest';
import { digestHex, sha256 } from '@paved/digest';
import { ProvenanceError } from './error.js';

const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** What the fetch step handed over before the first user instruction. */
export interface FetchRecord {
  readonly manifest: FetchManifest;
  readonly isolation: IsolationReport;
  /** Absent when the build was not asked to patch. */
  readonly patches?: ImagePatches;
  /** Of the documents as they were handed over, in hexadecimal. */
  readonly sha256: { readonly manifest: string; readonly isolation: string; readonly patches?: string };
}

export interface ReadBuildRecord {
  readonly record: BuildRecord;
  readonly sha256: string;
}

interface Document {
  readonly text: string;
  readonly sha256: string;
}

/** Finds the documents by their media type, so that file names are no contract. */
export async function readFetchRecord(folder: string): Promise<FetchRecord> {
  const documents = await readDocuments(folder);
  const manifest = only(documents, FETCH_MANIFEST_MEDIA_TYPE);
  const isolation = only(documents, ISOLATION_MEDIA_TYPE);
  const sums = { manifest: manifest.sha256, isolation: isolation.sha256 };
  const read = { manifest: parseFetchManifest(manifest.text), isolation: parseIsolationReport(isolation.text) };
  if (!documents.has(IMAGE_PATCHES_MEDIA_TYPE)) return { ...read, sha256: sums };
  const document = only(documents, IMAGE_PATCHES_MEDIA_TYPE);
  const patches = parseImagePatches(document.text);
  assertFetched(patches, read.manifest);
  return { ...read, patches, sha256: { ...sums, patches: document.sha256 } };
}

/** The patched image stands in the manifest, under the digest that the Dockerfile has; and so does what patched it. */
function assertFetched({ images, tool }: ImagePatches, { packages }: FetchManifest): void {
  const listed = (version: string, lockDigest: string) =>
    packages.some((entry) => entry.version === version && entry.lockDigest === lockDigest);
  const absent = images.find(
    ({ before, after }) =>
      !packages.some(({ version }) => version === after) || (before !== after && !listed(after, before)),
  );
  if (absent === undefined && (tool === undefined || listed(`v${tool.version}`, tool.asset))) return;
  throw new ProvenanceError(
    'RECORD_MISSING',
    `Cannot accept the record of patches: the fetch manifest does not have ${absent?.after ?? 'the tool'}`,
    { hint: 'Hand over all documents of one fetch phase, as hermetic-build wrote them' },
  );
}

/**
 * @param path the document, or the folder that holds it
 * @throws {ProvenanceError} `BUILD_FAILED` when the record itself says so
 */
export async function readBuildRecord(path: string): Promise<ReadBuildRecord> {
  const folder = (await stat(path)).isDirectory();
  const document = folder ? only(await readDocuments(path), BUILD_RECORD_MEDIA_TYPE) : await readLimited(path);
  const record = parseBuildRecord(document.text);
  if (record.exitStatus === 0) return { record, sha256: document.sha256 };
  throw new ProvenanceError('BUILD_FAILED', `Cannot describe this build: its command ended with ${record.exitStatus}`, {
    hint: 'Mend the build: what failed is not released',
  });
}

/**
 * Rule 7: what was fetched must be the commit that the token names.
 * @throws {ProvenanceError} `SOURCE_MISMATCH`
 */
export function assertSource(manifest: FetchManifest, serverUrl: string, repository: string, sha: string): void {
  const name = manifest.source.repository.replace(`${serverUrl}/`, '').replace(/\.git$/, '');
  if (name.toLowerCase() !== repository.toLowerCase()) throw mismatch('repository', name, repository);
  if (manifest.source.sha !== sha) throw mismatch('commit', manifest.source.sha, sha);
}

function mismatch(what: string, actual: string, expected: string): ProvenanceError {
  return new ProvenanceError(
    'SOURCE_MISMATCH',
    `Cannot accept the fetch record: its ${what} is "${actual.slice(0, 200)}", the token's is "${expected}"`,
    { hint: 'Check out the commit that started the run, without another ref or repository' },
  );
}

async function readDocuments(folder: string): Promise<ReadonlyMap<string, readonly Document[]>> {
  const documents = new Map<string, Document[]>();
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith('.json')) continue;
    const document = await readLimited(join(folder, name));
    const mediaType = mediaTypeOf(document.text);
    if (mediaType !== undefined) documents.set(mediaType, [...(documents.get(mediaType) ?? []), document]);
  }
  return documents;
}

function mediaTypeOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && 'mediaType' in value ? String(value.mediaType) : undefined;
  } catch {
    return undefined;
  }
}

function only(documents: ReadonlyMap<string, readonly Document[]>, mediaType: string): Document {
  const [document, ...others] = documents.get(mediaType) ?? [];
  if (document !== undefined && others.length === 0) return document;
  throw new ProvenanceError(
    'RECORD_MISSING',
    `Cannot read the records of the build: there are ${others.length + (document === undefined ? 0 : 1)} documents of type ${mediaType}, expected 1`,
    { hint: 'Pass the folders that hermetic-build wrote, as they were handed over' },
  );
}

async function readLimited(path: string): Promise<Document> {
  const { size } = await stat(path);
  if (size <= MAX_RECORD_BYTES) {
    const bytes = await readFile(path);
    return { text: bytes.toString('utf8'), sha256: digestHex(sha256(bytes)) };
  }
  throw new ProvenanceError('RECORD_MISSING', `Cannot read "${path}": it is larger than ${MAX_RECORD_BYTES} bytes`, {
    hint: 'Hand over the record as hermetic-build wrote it, without changes',
  });
}
