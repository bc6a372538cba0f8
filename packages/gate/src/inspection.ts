import { array, type Decoder, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { GateError } from './error.js';

export const INSPECTION_MEDIA_TYPE = 'application/vnd.paved.inspection.v1+json';
export const INSPECTION_FILE = 'inspection.json';

/** A database in the inspection folder. `modifiedAt` is the server's word or the file's, absent where neither says it. */
export interface InspectedDatabase {
  readonly kind: 'osv' | 'kev' | 'epss';
  readonly ecosystem?: string;
  readonly path: string;
  readonly source: string;
  readonly sha256: string;
  readonly modifiedAt?: string;
  readonly fetchedAt: string;
}

/** A scanner's report in the inspection folder; `subject` is the digest that it is about, where the caller named one. */
export interface InspectedReport {
  readonly scanner: string;
  readonly path: string;
  readonly sha256: string;
  readonly subject?: string;
  readonly modifiedAt: string;
}

/** What the inspect job hands to the gate: asserted by a machine that ran third-party tools, and re-hashed by the gate. */
export interface Inspection {
  readonly mediaType: typeof INSPECTION_MEDIA_TYPE;
  readonly databases: readonly InspectedDatabase[];
  readonly reports: readonly InspectedReport[];
}

function matching(pattern: RegExp, what: string): Decoder<string> {
  return refine(string, (text) => {
    if (pattern.test(text)) return text;
    throw new GateError('REPORT_MALFORMED', `"${text.slice(0, 60)}" is not ${what}`);
  });
}

const sha256Hex = matching(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
/** A plain name inside the folder: the document cannot point the gate at another file of the machine. */
const fileName = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a plain file name');
const time = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/, 'an RFC 3339 time in UTC');

const inspection: Decoder<Inspection> = object({
  mediaType: literal(INSPECTION_MEDIA_TYPE),
  databases: array(
    object({
      kind: literal('osv', 'kev', 'epss'),
      ecosystem: optional(string),
      path: fileName,
      source: string,
      sha256: sha256Hex,
      modifiedAt: optional(time),
      fetchedAt: time,
    }),
  ),
  reports: array(
    object({ scanner: string, path: fileName, sha256: sha256Hex, subject: optional(string), modifiedAt: time }),
  ),
});

/** @throws {JsonError} `JSON_MALFORMED`, `JSON_UNEXPECTED` */
export function parseInspection(text: string): Inspection {
  return parseJson('the inspection', text, inspection);
}
