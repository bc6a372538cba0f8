import type { Bom } from './bom.js';
import { cycloneDxBom } from './bom-of-cyclonedx.js';
import { spdxBom } from './bom-of-spdx.js';
import { isSyftDocument, syftBom } from './bom-of-syft.js';
import { kindOf, MAX_SBOM_BYTES, parseDocument } from './parse-sbom.js';
import { assertSbomSchema } from './schema.js';

/** What comes from a scanner may be larger than what can be attested: it is trimmed afterwards. */
export const MAX_SOURCE_BYTES = 16 * MAX_SBOM_BYTES;

/**
 * Reads CycloneDX 1.5 to 1.7, SPDX 2.3 or syft's own JSON, with everything that a second document can keep.
 * `schema: false` leaves the published schema aside, which only a score may do.
 * @throws {BomError} `SBOM_TOO_LARGE`, `SBOM_MALFORMED`, `SBOM_IS_STATEMENT`, `SBOM_UNSUPPORTED`, `SBOM_SCHEMA_INVALID`
 */
export function readBom(bytes: Uint8Array, options: { readonly schema?: boolean } = {}): Bom {
  const document = parseDocument(bytes, MAX_SOURCE_BYTES);
  if (isSyftDocument(document)) return syftBom(document);
  const kind = kindOf(document);
  if (options.schema !== false) assertSbomSchema(kind, document);
  return kind === 'cyclonedx' ? cycloneDxBom(document) : spdxBom(document);
}
