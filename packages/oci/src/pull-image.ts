import { Readable } from 'node:stream';
import type { Digest } from '@paved/digest';
import type { BlobSource } from './blob-source.js';
import type { Referrer } from './bundle-referrer.js';
import { forEachConcurrently } from './concurrency.js';
import type { Content } from './content.js';
import { walkContent } from './content-walk.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { type Manifest, manifestDescriptor } from './manifest.js';
import { listReferrers } from './referrers.js';
import type { RepositoryClient } from './repository-client.js';

/** An image in a registry, with everything that is attached to it; layers are read when they are sent on. */
export interface PulledImage extends Content {
  /** Attached to the image or to a manifest of it. */
  readonly referrers: readonly Referrer[];
  /** Attached to referrers, a level at a time: each can be pushed when the one before is there. */
  readonly nested: readonly (readonly Referrer[])[];
}

const MAX_REFERRERS = 1000;
const MAX_LEVELS = 4;
/** Of the manifests of all referrers, which stay in memory. */
const MAX_REFERRER_BYTES = 64 * 1024 * 1024;
const MAX_BLOBS_OF_REFERRER = 1000;
const BLOBS_AT_A_TIME = 8;

/**
 * Reads an image by digest, and all its referrers as they are, so that a copy has the same digests. That every blob is there is asked
 * before the first one is sent on; its bytes are compared while they are. Nothing in a referrer is verified here.
 * @throws {OciError} `REGISTRY_REFUSED` when it is missing, or has too many referrers to copy all; `DIGEST_MISMATCH`,
 *   `LAYOUT_INVALID` when the registry lacks a part; `MANIFEST_INVALID` for something listed as a referrer that is none
 */
export async function pullImage(repository: RepositoryClient, digest: Digest): Promise<PulledImage> {
  const root = await pullPresent(repository, digest);
  const reader = {
    manifestBytes: async (descriptor: Descriptor) => {
      const manifest = await pullPresent(repository, descriptor.digest);
      assertDescribed(descriptor, manifest);
      return manifest.bytes;
    },
    blob: (descriptor: Descriptor) => remoteBlob(repository, descriptor),
  };
  const content = await walkContent(reader, manifestDescriptor(root));
  const [referrers = [], ...nested] = await pullReferrers(repository, content.manifests);
  return { ...content, referrers, nested };
}

async function pullReferrers(repository: RepositoryClient, manifests: readonly Manifest[]): Promise<Referrer[][]> {
  const seen = new Set(manifests.map(({ digest }) => digest));
  const levels: Referrer[][] = [];
  let bytes = 0;
  for (let subjects = manifests; subjects.length > 0; ) {
    const level: Referrer[] = [];
    for (const subject of subjects) {
      for (const { digest } of await listReferrers(repository, subject.digest)) {
        if (seen.has(digest)) continue;
        seen.add(digest);
        if (seen.size > MAX_REFERRERS + manifests.length || levels.length >= MAX_LEVELS) throw tooMany(repository);
        const referrer = await pullReferrer(repository, subject, digest);
        bytes += referrer.manifest.bytes.length;
        if (bytes > MAX_REFERRER_BYTES) throw tooMany(repository);
        level.push(referrer);
      }
    }
    if (level.length > 0) levels.push(level);
    subjects = level.map(({ manifest }) => manifest);
  }
  return levels;
}

async function pullReferrer(repository: RepositoryClient, subject: Manifest, digest: Digest): Promise<Referrer> {
  const manifest = await pullPresent(repository, digest);
  if (manifest.kind !== 'image' || manifest.subject?.digest !== subject.digest) {
    throw new OciError(
      'MANIFEST_INVALID',
      `Cannot copy ${digest}: it is listed as a referrer of ${subject.digest}, and is none`,
      {
        hint: 'Remove it from the list of referrers, or copy from another registry',
      },
    );
  }
  const descriptors = [...new Map([manifest.config, ...manifest.layers].map((part) => [part.digest, part])).values()];
  if (descriptors.length > MAX_BLOBS_OF_REFERRER) throw tooMany(repository);
  const blobs: BlobSource[] = [];
  await forEachConcurrently([...descriptors.entries()], BLOBS_AT_A_TIME, async ([position, part]) => {
    blobs[position] = await remoteBlob(repository, part);
  });
  return { manifest, subject: manifestDescriptor(subject), blobs };
}

async function pullPresent(repository: RepositoryClient, digest: Digest): Promise<Manifest> {
  const pulled = await repository.pullManifest(digest);
  if (pulled !== undefined) return pulled.manifest;
  throw new OciError('REGISTRY_REFUSED', `Cannot copy ${digest}: ${repository.name} does not have it`, {
    status: 404,
    hint: 'Check repository and digest, and whether a clean-up of the registry removed it',
  });
}

function assertDescribed(descriptor: Descriptor, manifest: Manifest): void {
  if (descriptor.mediaType === manifest.mediaType && descriptor.size === manifest.bytes.length) return;
  throw new OciError(
    'LAYOUT_INVALID',
    `Cannot copy ${descriptor.digest}: it has another media type or size than its index says`,
    { hint: 'Push the image again: the registry holds something else than its index' },
  );
}

async function remoteBlob(repository: RepositoryClient, descriptor: Descriptor): Promise<BlobSource> {
  if (!(await repository.hasBlob(descriptor))) {
    throw new OciError('LAYOUT_INVALID', `Cannot copy ${descriptor.digest}: ${repository.name} does not have it`, {
      hint: 'The image is not complete where it is; push it there again',
    });
  }
  return { descriptor, open: () => Readable.from(remoteBytes(repository, descriptor), { objectMode: false }) };
}

async function* remoteBytes(repository: RepositoryClient, descriptor: Descriptor): AsyncGenerator<Buffer> {
  // Not compared here: whoever reads a source compares it.
  const response = await repository.openBlob(descriptor);
  yield* response.body as AsyncIterable<Buffer>;
}

function tooMany(repository: RepositoryClient): OciError {
  return new OciError(
    'REGISTRY_REFUSED',
    `Cannot copy from ${repository.name}: there are more than ${MAX_REFERRERS} referrers, or they are nested too deep or too large`,
    { hint: 'Remove referrers that nobody needs' },
  );
}
