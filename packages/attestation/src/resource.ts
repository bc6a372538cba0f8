import { type Decoder, JsonError, object, optional, record, refine, string, unknown } from '@paved/json';
import { type DigestSet, digestSet } from './digest-set.js';

/** in-toto ResourceDescriptor v1; at least one of `uri`, `digest`, `content` is set. */
export interface ResourceDescriptor {
  readonly uri?: string;
  readonly digest?: DigestSet;
  readonly name?: string;
  readonly downloadLocation?: string;
  readonly mediaType?: string;
  readonly content?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

export const resourceDescriptor: Decoder<ResourceDescriptor> = refine(
  object({
    uri: optional(string),
    digest: optional(digestSet),
    name: optional(string),
    downloadLocation: optional(string),
    mediaType: optional(string),
    content: optional(string),
    annotations: optional(record(unknown)),
  }),
  (descriptor) => {
    if (descriptor.uri === undefined && descriptor.digest === undefined && descriptor.content === undefined) {
      throw new JsonError(
        'JSON_UNEXPECTED',
        'Cannot read a resource descriptor: it has neither uri, digest nor content',
      );
    }
    return descriptor;
  },
);
