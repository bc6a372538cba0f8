import { type Digest, parseDigest } from '@paved/digest';
import { array, type Decoder, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { fileName, type ScanRecord, scanRecord, sha256Hex, utcTime } from './scan-record.js';

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
  /** Digest of every file that was looked at, where the caller named them: what is released must be these. */
  readonly subjects?: readonly Digest[];
  /** How the scanners ran that wrote reports here; the gate relies on the reports' digests alone. */
  readonly scans?: readonly ScanRecord[];
}

const inspection: Decoder<Inspection> = object({
  mediaType: literal(INSPECTION_MEDIA_TYPE),
  databases: array(
    object({
      kind: literal('osv', 'kev', 'epss'),
      ecosystem: optional(string),
      path: fileName,
      source: string,
      sha256: sha256Hex,
      modifiedAt: optional(utcTime),
      fetchedAt: utcTime,
    }),
  ),
  reports: array(
    object({ scanner: string, path: fileName, sha256: sha256Hex, subject: optional(string), modifiedAt: utcTime }),
  ),
  subjects: optional(array(refine(string, parseDigest))),
  scans: optional(array(scanRecord)),
});

/** @throws {JsonError} `JSON_MALFORMED`, `JSON_UNEXPECTED` */
export function parseInspection(text: string): Inspection {
  return parseJson('the inspection', text, inspection);
}
