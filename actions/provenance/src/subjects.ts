import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { digestSetOf, type ResourceDescriptor, type Subject } from '@paved/attestation';
import { sha256File } from '@paved/digest';
import { ProvenanceError } from './error.js';
import { listFiles } from './list-files.js';
import { assertNotPlanted } from './planted-statement.js';

/**
 * Every regular file below `folder`, named by its path with `/`, with the digest of the bytes that are there; no document is asked.
 * @throws {ProvenanceError} `SUBJECT_UNREADABLE`, `PLANTED_STATEMENT`
 */
export async function collectSubjects(folder: string): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const name of await listFiles(folder)) {
    const file = join(folder, name);
    await assertNotPlanted(file, name, (await stat(file)).size);
    subjects.push({ name, digest: digestSetOf(await sha256File(file)) });
  }
  return subjects;
}

/**
 * Documents that accompany the artifact, by the digest of their bytes; a folder stands for its files.
 * @throws {ProvenanceError} `SUBJECT_UNREADABLE`
 */
export async function collectByproducts(paths: readonly string[]): Promise<readonly ResourceDescriptor[]> {
  const byproducts: ResourceDescriptor[] = [];
  for (const path of paths) {
    const folder = await isFolder(path);
    for (const name of folder ? await listFiles(path) : [basename(path)]) {
      const file = folder ? join(path, name) : path;
      byproducts.push({ name, digest: digestSetOf(await sha256File(file)), annotations: { voucher: 'seal' } });
    }
  }
  return byproducts;
}

/** A pipe or device would be read for ever. */
async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) return true;
  if (info?.isFile()) return false;
  const state = info === undefined ? 'it does not exist' : 'it is neither a regular file nor a folder';
  throw new ProvenanceError('SUBJECT_UNREADABLE', `Cannot read byproduct "${path}": ${state}`, {
    hint: 'Name the files or folders that an earlier step left there',
  });
}
