import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Digest, parseDigest } from './digest.js';

export function sha256(bytes: Uint8Array | string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

/** Streams the file; memory stays constant whatever its size. */
export async function sha256File(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

/** The form of npm's lock files (Subresource Integrity) without its `sha512-` prefix. */
export function sha512Base64(bytes: Uint8Array): string {
  return createHash('sha512').update(bytes).digest('base64');
}
