import { type Digest, parseDigest } from '@paved/digest';
import {
  array,
  type Decoder,
  JsonError,
  literal,
  object,
  oneOf,
  optional,
  parseJson,
  refine,
  string,
} from '@paved/json';
import { relativePath, sha256Field } from './build-record.js';
import { digestSet } from './digest-set.js';
import { AttestationError } from './error.js';

export const BUNDLES_MEDIA_TYPE = 'application/vnd.paved.bundles.v1+json';

/** One bundle of a signing session; `path` is relative to the folder of the index. */
export interface IndexedBundle {
  readonly path: string;
  readonly content: 'dsse' | 'message';
  readonly slot: string;
  readonly predicateType?: string;
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly sha256: Digest;
}

/** Table of contents that `sign` writes. It is not signed: it helps to find bundles, and each bundle is verified by itself. */
export interface BundleIndex {
  readonly mediaType: typeof BUNDLES_MEDIA_TYPE;
  readonly bundles: readonly IndexedBundle[];
}

/** `sha256:<hex>`, or the digest set of a statement with a sha256 member. */
const subjectDigest: Decoder<Digest> = oneOf(
  refine(digestSet, (set) => {
    if (set.sha256 === undefined) throw new JsonError('JSON_UNEXPECTED', 'the subject has no sha256 digest');
    return parseDigest(`sha256:${set.sha256}`);
  }),
  sha256Field,
);

const decodeIndex: Decoder<BundleIndex> = object({
  mediaType: literal(BUNDLES_MEDIA_TYPE),
  bundles: array(
    object({
      path: relativePath,
      content: literal('dsse', 'message'),
      slot: string,
      predicateType: optional(string),
      subjects: array(object({ name: string, digest: subjectDigest })),
      sha256: sha256Field,
    }),
  ),
});

/** @throws {AttestationError} `DOCUMENT_MALFORMED` with the field as cause */
export function parseBundleIndex(text: string): BundleIndex {
  try {
    return parseJson('the bundle index', text, decodeIndex);
  } catch (cause) {
    throw new AttestationError('DOCUMENT_MALFORMED', 'Cannot read the bundle index', {
      cause,
      hint: 'Pass bundles-path as sign wrote it, without changes',
    });
  }
}
