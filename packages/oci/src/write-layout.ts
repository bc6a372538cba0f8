import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { type BlobSource, bytesSource, VerifiedBlobStream } from './blob-source.js';
import type { Content } from './content.js';
import type { Descriptor } from './descriptor.js';
import { manifestDescriptor } from './manifest.js';
import { OCI_INDEX } from './media-type.js';

/**
 * Writes an OCI image layout (image-spec 1.1, "Image Layout") with exactly this content; every blob is hashed on its way. Equal content
 * gives equal files.
 * @param folder must not exist
 * @param index what `index.json` names
 * @throws {OciError} `DIGEST_MISMATCH` for a blob that is not what its digest says
 */
export async function writeLayout(
  folder: string,
  { manifests, blobs }: Pick<Content, 'manifests' | 'blobs'>,
  index: readonly Descriptor[],
): Promise<void> {
  await mkdir(folder);
  const known = new Set<Digest>();
  for (const source of [...manifests.map((one) => bytesSource(manifestDescriptor(one), one.bytes)), ...blobs]) {
    if (known.has(source.descriptor.digest)) continue;
    known.add(source.descriptor.digest);
    await writeBlob(folder, source);
  }
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}', { flag: 'wx' });
  const document = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: index };
  await writeFile(join(folder, 'index.json'), canonicalJson(document), { flag: 'wx' });
}

async function writeBlob(folder: string, source: BlobSource): Promise<void> {
  const path = join(folder, 'blobs', source.descriptor.digest.replace(':', '/'));
  await mkdir(dirname(path), { recursive: true });
  await pipeline(source.open(), new VerifiedBlobStream(source.descriptor), createWriteStream(path, { flags: 'wx' }));
}
