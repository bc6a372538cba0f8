import { PavedError } from '@paved/errors';

/**
 * `PURL_INVALID`: not a package URL. `SUBJECT_UNREADABLE`: no regular file to describe. `FETCH_MANIFEST_INVALID`: well-formed JSON that
 * contradicts itself. `SBOM_MALFORMED`: not JSON, or JSON of no SBOM format. `SBOM_UNSUPPORTED`: an SBOM in a format or version
 * that paved does not read. `SBOM_IS_STATEMENT`: an in-toto statement or envelope where a raw document belongs.
 * `SBOM_SCHEMA_INVALID`: the published schema refuses it. `SBOM_TOO_LARGE`: above the limit of the reader. `SBOM_GRADE_LOW`: complete in
 * form and too poor in content. `LOCKFILE_MALFORMED`, `LOCKFILE_TOO_LARGE`: not what a package manager writes.
 */
export type BomErrorCode =
  | 'PURL_INVALID'
  | 'SUBJECT_UNREADABLE'
  | 'FETCH_MANIFEST_INVALID'
  | 'SBOM_MALFORMED'
  | 'SBOM_UNSUPPORTED'
  | 'SBOM_IS_STATEMENT'
  | 'SBOM_SCHEMA_INVALID'
  | 'SBOM_TOO_LARGE'
  | 'SBOM_GRADE_LOW'
  | 'LOCKFILE_MALFORMED'
  | 'LOCKFILE_TOO_LARGE';

/** What is wrong with a bill of materials or with the fetch manifest it is built from. */
export class BomError extends PavedError<BomErrorCode> {}
