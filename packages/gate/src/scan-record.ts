import { array, type Decoder, integer, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { GateError } from './error.js';

export const SCANS_MEDIA_TYPE = 'application/vnd.paved.scans.v1+json';
export const SCANS_FILE = 'scans.json';

/** A database that a scanner was given. `builtAt` is its own word, `modifiedAt` the server's or the file's. */
export interface ScanDatabase {
  readonly provider: string;
  /** The one of the mirrors that answered, without credentials. */
  readonly source: string;
  readonly sha256: string;
  readonly builtAt?: string;
  readonly modifiedAt?: string;
  readonly fetchedAt: string;
}

/** One run of one scanner: what ran, over what, in which sandbox, and the only file that left it. */
export interface ScanRecord {
  readonly scanner: string;
  readonly tool: {
    readonly name: string;
    readonly from: 'lock' | 'path';
    /** As locked; a program of the caller's own says its version in its report. */
    readonly version?: string;
    /** Of the program that ran. */
    readonly sha256: string;
    /** Of the release asset, as locked. */
    readonly assetSha256?: string;
  };
  readonly arguments: readonly string[];
  readonly databases: readonly ScanDatabase[];
  readonly isolation: 'root' | 'sudo' | 'user-namespace';
  /** Digest that the report is about, where the caller named one. */
  readonly subject?: string;
  readonly exitStatus: number;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly output: {
    readonly kind: 'report' | 'sbom';
    /** Plain name in the folder of the record. */
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
  };
}

export interface Scans {
  readonly mediaType: typeof SCANS_MEDIA_TYPE;
  readonly scans: readonly ScanRecord[];
}

function matching(pattern: RegExp, what: string): Decoder<string> {
  return refine(string, (text) => {
    if (pattern.test(text)) return text;
    throw new GateError('REPORT_MALFORMED', `"${text.slice(0, 60)}" is not ${what}`);
  });
}

export const sha256Hex = matching(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
/** A plain name inside the folder: the document cannot point its reader at another file of the machine. */
export const fileName = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a plain file name');
export const utcTime = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/, 'an RFC 3339 time in UTC');

export const scanRecord: Decoder<ScanRecord> = object({
  scanner: string,
  tool: object({
    name: string,
    from: literal('lock', 'path'),
    version: optional(string),
    sha256: sha256Hex,
    assetSha256: optional(sha256Hex),
  }),
  arguments: array(string),
  databases: array(
    object({
      provider: string,
      source: string,
      sha256: sha256Hex,
      builtAt: optional(utcTime),
      modifiedAt: optional(utcTime),
      fetchedAt: utcTime,
    }),
  ),
  isolation: literal('root', 'sudo', 'user-namespace'),
  subject: optional(string),
  exitStatus: integer,
  startedAt: utcTime,
  durationMs: integer,
  output: object({ kind: literal('report', 'sbom'), path: fileName, size: integer, sha256: sha256Hex }),
});

const scans: Decoder<Scans> = object({ mediaType: literal(SCANS_MEDIA_TYPE), scans: array(scanRecord) });

/** @throws {JsonError} `JSON_MALFORMED`, `JSON_UNEXPECTED` */
export function parseScans(text: string): Scans {
  return parseJson('the record of the scans', text, scans);
}
