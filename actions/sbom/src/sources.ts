import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type Bom,
  bomOfFetchManifest,
  bomOfLockfiles,
  type FetchManifest,
  MAX_SOURCE_BYTES,
  mergeBoms,
  parseFetchManifest,
  readBom,
} from '@paved/bom';
import { lockfileKindOf, MAX_LOCKFILE_BYTES, parseLockfile } from '@paved/bom/lockfiles';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { SbomActionError } from './error.js';

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

export interface SourcePaths {
  readonly manifests: readonly string[];
  readonly lockfiles: readonly string[];
  readonly documents: readonly string[];
}

/** What was read: the merged bill, and the fetch manifest where it is the only source. */
export interface Sources {
  readonly bom: Bom;
  readonly manifest?: FetchManifest;
  /** Entries of lock files that fix no version. */
  readonly unresolved: number;
  readonly described: readonly { readonly path: string; readonly sha256: readonly string[] }[];
}

/** @throws {SbomActionError} `SOURCE_MISSING`, `SOURCE_UNREADABLE`, `FETCH_MANIFEST_UNREADABLE` */
export async function readSources({ manifests: paths, lockfiles, documents }: SourcePaths): Promise<Sources> {
  const manifests = await Promise.all(paths.map(readManifest));
  const [manifest] = manifests;
  const locks = await Promise.all(lockfiles.map(readLock));
  const bills = await Promise.all(documents.map(readDocument));
  const locked = locks.length === 0 ? [] : [bomOfLockfiles(locks)];
  const parts = [...manifests.map(bomOfFetchManifest), ...locked, ...bills.map(({ bom }) => bom)];
  if (parts.length === 0) {
    throw new SbomActionError('SOURCE_MISSING', 'Cannot write an SBOM: nothing says what is inside', {
      hint: 'Set fetch-manifest, lockfiles or documents',
    });
  }
  return {
    bom: mergeBoms(parts),
    ...(manifest === undefined || parts.length > 1 ? {} : { manifest }),
    unresolved: locks.reduce((sum, { lockfile }) => sum + lockfile.unresolved.length, 0),
    described: bills.map(({ path: from, bom }) => ({
      path: from,
      sha256: bom.main?.hashes.filter(({ alg }) => alg === 'SHA-256').map(({ content }) => content) ?? [],
    })),
  };
}

/**
 * A document that names another image's digest must not speak for this one: a tag may have moved between scan and release.
 * @throws {SbomActionError} `SUBJECT_MISMATCH`
 */
export function assertSameSubject({ described }: Sources, subjects: readonly Digest[]): void {
  for (const { path, sha256 } of described) {
    const stranger = sha256.find((hex) => !subjects.includes(`sha256:${hex}` as Digest));
    if (stranger === undefined) continue;
    throw new SbomActionError(
      'SUBJECT_MISMATCH',
      `Cannot use "${basename(path)}": it describes sha256:${stranger}, which is not released here`,
      { hint: 'Scan the image by the digest that is released, not by a tag' },
    );
  }
}

async function readWithin(path: string, maxBytes: number): Promise<Buffer> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile() || info.size > maxBytes) {
    const state = info === undefined ? 'it does not exist' : `it is no file of at most ${maxBytes} bytes`;
    throw new SbomActionError('SOURCE_UNREADABLE', `Cannot read "${path}": ${state}`, {
      hint: 'Name a file that an earlier step or hand-over left there',
    });
  }
  return await readFile(path);
}

async function readManifest(path: string): Promise<FetchManifest> {
  const bytes = await readWithin(path, MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    throw new SbomActionError(
      'FETCH_MANIFEST_UNREADABLE',
      `Cannot read fetch manifest "${path}": it is no file of at most ${MAX_MANIFEST_BYTES} bytes`,
      { cause, hint: 'Hand over the record-path of the fetch phase and name fetch-manifest.json in it' },
    );
  });
  return parseFetchManifest(bytes.toString('utf8'));
}

async function readLock(path: string) {
  const kind = lockfileKindOf(path);
  if (kind === undefined) {
    throw new SbomActionError(
      'SOURCE_UNREADABLE',
      `Cannot read lock file "${basename(path)}": its name is of no known kind`,
      { hint: 'Keep the name that the package manager gives it, such as package-lock.json or go.sum' },
    );
  }
  const text = (await readWithin(path, MAX_LOCKFILE_BYTES)).toString('utf8');
  return { path: basename(path), lockfile: parseLockfile(kind, text), sha256: digestHex(sha256(text)) };
}

async function readDocument(path: string) {
  return { path, bom: readBom(await readWithin(path, MAX_SOURCE_BYTES)) };
}
