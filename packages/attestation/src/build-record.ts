import { type Digest, parseDigest } from '@paved/digest';
import { array, type Decoder, integer, JsonError, literal, object, parseJson, refine, string } from '@paved/json';
import { AttestationError } from './error.js';
import { timestamp } from './timestamp.js';

export const BUILD_RECORD_MEDIA_TYPE = 'application/vnd.paved.build-record.v1+json';

/** `path` is relative to the folder of outputs, with `/`, and never leaves it. */
export interface BuildOutput {
  readonly path: string;
  readonly size: number;
  readonly sha256: Digest;
}

/** What the machine that ran user code says it did; vouched for by `build` alone, so nothing is decided on it. */
export interface BuildRecord {
  readonly mediaType: typeof BUILD_RECORD_MEDIA_TYPE;
  readonly command: string;
  readonly exitStatus: number;
  readonly startedOn: string;
  readonly finishedOn: string;
  readonly outputs: readonly BuildOutput[];
  /** Named, never opened by path: the consumer looks for a file with this digest. */
  readonly log: { readonly path: string; readonly sha256: Digest };
}

/** With `/` between names, none of them empty, `.` or `..`; never absolute. */
export const relativePath: Decoder<string> = refine(string, (text) => {
  const parts = text.split('/');
  if (text !== '' && !text.includes('\\') && !text.includes('\0') && !parts.some((part) => /^(|\.|\.\.)$/.test(part))) {
    return text;
  }
  throw new JsonError('JSON_UNEXPECTED', 'Cannot accept a path: it is not relative to the folder');
});

/** Both `<hex>` and `sha256:<hex>` are read; the type is always the prefixed form. */
export const sha256Field: Decoder<Digest> = refine(string, (text) =>
  parseDigest(/^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : text),
);

export const buildRecord: Decoder<BuildRecord> = object({
  mediaType: literal(BUILD_RECORD_MEDIA_TYPE),
  command: string,
  exitStatus: integer,
  startedOn: timestamp,
  finishedOn: timestamp,
  outputs: array(object({ path: relativePath, size: integer, sha256: sha256Field })),
  log: object({ path: string, sha256: sha256Field }),
});

/** @throws {AttestationError} `DOCUMENT_MALFORMED` with the field as cause */
export function parseBuildRecord(text: string): BuildRecord {
  try {
    return parseJson('the build record', text, buildRecord);
  } catch (cause) {
    throw new AttestationError('DOCUMENT_MALFORMED', 'Cannot read the build record', {
      cause,
      hint: 'Hand over the build-record-path of hermetic-build, without changes',
    });
  }
}
