import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyFile } from './copy-file.js';
import {
  EVIDENCE_MANIFEST_MEDIA_TYPE,
  type EvidenceManifest,
  MANIFEST_NAME,
  mediaTypeOf,
} from './evidence-manifest.js';
import type { PlannedFile } from './plan-pack.js';

export type ManifestHead = Pick<EvidenceManifest, 'artifact' | 'run' | 'createdAt'>;

/** Copies the planned files into `folder` and writes the manifest with the digests of the copies. */
export async function writePack(
  folder: string,
  files: readonly PlannedFile[],
  head: ManifestHead,
): Promise<EvidenceManifest> {
  const listed: EvidenceManifest['files'][number][] = [];
  for (const { path, source } of files) {
    const copied = await copyFile(source, join(folder, path));
    listed.push({ path, ...copied, mediaType: mediaTypeOf(path) });
  }
  const manifest: EvidenceManifest = { mediaType: EVIDENCE_MANIFEST_MEDIA_TYPE, ...head, files: listed };
  await writeFile(join(folder, MANIFEST_NAME), manifestText(manifest), { flag: 'wx' });
  return manifest;
}

export function manifestText(manifest: EvidenceManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
