import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImagePatches, parseImagePatches } from '@paved/attestation';
import { HermeticBuildError } from '../error.js';

/** In the record and in the bundle. */
export const PATCHES_FILE = 'image-patches.json';

/** The record of a bundle; `undefined` when its fetch phase was not asked to patch. @throws {HermeticBuildError} `BUNDLE_INCOMPLETE` */
export async function readPatches(bundlePath: string): Promise<ImagePatches | undefined> {
  const text = await readFile(join(bundlePath, PATCHES_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return parseImagePatches(text);
  } catch (cause) {
    throw new HermeticBuildError('BUNDLE_INCOMPLETE', `Cannot read ${PATCHES_FILE} of the bundle`, {
      cause,
      hint: 'Hand over bundle-path as the fetch phase wrote it',
    });
  }
}

/** Beside the build record, for the evidence: the same bytes that the fetch phase handed over, whose digest is in the provenance. */
export async function keepPatches(bundlePath: string, recordPath: string): Promise<void> {
  await copyFile(join(bundlePath, PATCHES_FILE), join(recordPath, PATCHES_FILE));
}
