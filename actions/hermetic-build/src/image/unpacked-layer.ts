import { pipeline, type Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LimitStream } from '@paved/digest';
import { type BlobSource, VerifiedBlobStream } from '@paved/oci';
import { invalidImage } from './description.js';

const MAX_UNPACKED_BYTES = 32 * 1024 ** 3;

/**
 * The tar of a layer, unpacked as its media type says and held to the digest of the packed bytes.
 * @throws {HermeticBuildError} `IMAGE_INVALID` for another packing, or more than 32 GiB
 */
export function unpackedLayer(source: BlobSource): Readable {
  const { mediaType, digest } = source.descriptor;
  const packing = /(?:\.tar|\.diff\.tar|rootfs\.diff\.tar)(?:[.+](gzip|zstd))?$/.exec(mediaType);
  if (packing === null) throw invalidImage(`layer ${digest} is packed as ${mediaType.slice(0, 100)}`);
  const checked = chain(source.open(), new VerifiedBlobStream(source.descriptor));
  const limit = new LimitStream('a layer unpacked', MAX_UNPACKED_BYTES);
  if (packing[1] === 'gzip') return chain(chain(checked, createGunzip()), limit);
  if (packing[1] === 'zstd') return chain(chain(checked, createZstdDecompress()), limit);
  return chain(checked, limit);
}

function chain<T extends Transform>(from: Readable, to: T): T {
  // The error of any part reaches who reads the last one.
  pipeline(from, to, () => undefined);
  return to;
}
