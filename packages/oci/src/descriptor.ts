import { type Digest, parseDigest } from '@paved/digest';
import { type Decoder, integer, object, optional, record, refine, string } from '@paved/json';

/** Content by digest (image-spec 1.1, "Content Descriptors"). `size` in bytes. Unknown fields are dropped. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

const mediaType = refine(string, (text) => {
  if (!MEDIA_TYPE.test(text)) throw new Error('it is not a media type (RFC 6838, 4.2)');
  return text;
});

const size = refine(integer, (value) => {
  if (value < 0) throw new Error('a size cannot be negative');
  return value;
});

export const descriptorDecoder: Decoder<Descriptor> = object({
  mediaType,
  digest: refine(string, parseDigest),
  size,
  artifactType: optional(string),
  annotations: optional(record(string)),
});
