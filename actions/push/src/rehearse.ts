import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@paved/digest';
import {
  type BlobSource,
  bytesSource,
  type Content,
  type Manifest,
  manifestDescriptor,
  OCI_INDEX,
  openLayout,
  type PlannedTag,
  VerifiedBlobStream,
} from '@paved/oci';
import type { Evidence } from './evidence.js';

const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * Writes what a registry would hold after the push (content, referrers, tags) into a new OCI layout, and reads all of it back: limits
 * and structure are those that every reader of a registry has here, and nothing leaves this machine.
 * @param folder must not exist
 * @throws {OciError} what a reader would refuse
 */
export async function rehearsePush(
  folder: string,
  content: Content,
  { referrers, nested }: Evidence,
  plan: readonly PlannedTag[],
): Promise<void> {
  await mkdir(folder);
  const attached = [...referrers, ...nested.flat()];
  const manifests = unique([...content.manifests, ...attached.map(({ manifest }) => manifest)]);
  for (const manifest of manifests) await writeBlob(folder, bytesSource(manifestDescriptor(manifest), manifest.bytes));
  const known = new Set<Digest>(manifests.map(({ digest }) => digest));
  for (const source of [...content.blobs, ...attached.flatMap(({ blobs }) => blobs)]) {
    if (known.has(source.descriptor.digest)) continue;
    known.add(source.descriptor.digest);
    await writeBlob(folder, source);
  }
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}', { flag: 'wx' });
  await writeFile(join(folder, 'index.json'), indexText(manifests, plan), { flag: 'wx' });
  for (const { digest } of manifests) await openLayout(folder, { digest });
}

function unique(manifests: readonly Manifest[]): readonly Manifest[] {
  return [...new Map(manifests.map((manifest) => [manifest.digest, manifest])).values()];
}

function indexText(manifests: readonly Manifest[], plan: readonly PlannedTag[]): string {
  const tagged = plan.map(({ tag, manifest }) => ({
    ...manifestDescriptor(manifest),
    annotations: { [REF_NAME]: tag },
  }));
  const named = new Set(plan.map(({ manifest }) => manifest.digest));
  const others = manifests.filter(({ digest }) => !named.has(digest)).map(manifestDescriptor);
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...tagged, ...others] });
}

async function writeBlob(folder: string, source: BlobSource): Promise<void> {
  const path = join(folder, 'blobs', source.descriptor.digest.replace(':', '/'));
  await mkdir(dirname(path), { recursive: true });
  await pipeline(source.open(), new VerifiedBlobStream(source.descriptor), createWriteStream(path, { flags: 'wx' }));
}
