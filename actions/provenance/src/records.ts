import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BUILD_RECORD_MEDIA_TYPE,
  type BuildRecord,
  ISOLATION_MEDIA_TYPE,
  type IsolationReport,
  parseBuildRecord,
  parseIsolationReport,
} from '@paved/attestation';
import { FETCH_MANIFEST_MEDIA_TYPE, type FetchManifest, parseFetchManifest } from '@paved/bom/fetch-manifest';
import { ProvenanceError } from './error.js';

const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** What the fetch step handed over before the first user instruction. */
export interface FetchRecord {
  readonly manifest: FetchManifest;
  readonly isolation: IsolationReport;
}

/** Finds both documents by their media type, so that file names are no contract. */
export async function readFetchRecord(folder: string): Promise<FetchRecord> {
  const documents = await readDocuments(folder);
  return {
    manifest: parseFetchManifest(only(documents, FETCH_MANIFEST_MEDIA_TYPE)),
    isolation: parseIsolationReport(only(documents, ISOLATION_MEDIA_TYPE)),
  };
}

/**
 * @param path the document, or the folder that holds it
 * @throws {ProvenanceError} `BUILD_FAILED` when the record itself says so
 */
export async function readBuildRecord(path: string): Promise<BuildRecord> {
  const folder = (await stat(path)).isDirectory();
  const text = folder ? only(await readDocuments(path), BUILD_RECORD_MEDIA_TYPE) : await readLimited(path);
  const record = parseBuildRecord(text);
  if (record.exitStatus === 0) return record;
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

async function readDocuments(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const documents = new Map<string, string[]>();
  for (const name of (await readdir(folder)).sort()) {
    if (!name.endsWith('.json')) continue;
    const text = await readLimited(join(folder, name));
    const mediaType = mediaTypeOf(text);
    if (mediaType !== undefined) documents.set(mediaType, [...(documents.get(mediaType) ?? []), text]);
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

function only(documents: ReadonlyMap<string, readonly string[]>, mediaType: string): string {
  const [text, ...others] = documents.get(mediaType) ?? [];
  if (text !== undefined && others.length === 0) return text;
  throw new ProvenanceError(
    'RECORD_MISSING',
    `Cannot read the records of the build: there are ${others.length + (text === undefined ? 0 : 1)} documents of type ${mediaType}, expected 1`,
    { hint: 'Pass the folders that hermetic-build wrote, as they were handed over' },
  );
}

async function readLimited(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= MAX_RECORD_BYTES) return await readFile(path, 'utf8');
  throw new ProvenanceError('RECORD_MISSING', `Cannot read "${path}": it is larger than ${MAX_RECORD_BYTES} bytes`, {
    hint: 'Hand over the record as hermetic-build wrote it, without changes',
  });
}
