import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { BomError } from './error.js';
import { CYCLONEDX_1_6, SPDX_2_3 } from './schemas/documents.js';

export type SbomKind = 'cyclonedx' | 'spdx';

const LABEL: Readonly<Record<SbomKind, string>> = { cyclonedx: 'CycloneDX 1.6', spdx: 'SPDX 2.3' };
const compiled = new Map<SbomKind, ValidateFunction>();

function compile(kind: SbomKind): ValidateFunction {
  // `logger: false`: a schema's own oddities are not the user's business. First error only: hostile documents make millions.
  const ajv = new Ajv({ strict: false, allErrors: false, logger: false, validateSchema: false });
  formats.default(ajv, ['date-time', 'email', 'uri']);
  // RFC 3987 references and RFC 6531 addresses, as far as they can hurt a reader: no white space, no control characters.
  ajv.addFormat('iri-reference', /^[^\s\p{Cc}<>"]*$/u);
  ajv.addFormat('idn-email', /^[^\s\p{Cc}@]+@[^\s\p{Cc}@]+$/u);
  if (kind === 'spdx') return ajv.compile(SPDX_2_3);
  for (const reference of CYCLONEDX_1_6.references) ajv.addSchema(reference);
  return ajv.compile(CYCLONEDX_1_6.schema);
}

/**
 * Holds a document to the published schema of its format, which is embedded: nothing is fetched.
 * @throws {BomError} `SBOM_SCHEMA_INVALID` with the path of the first field that the schema refuses
 */
export function assertSbomSchema(kind: SbomKind, document: unknown): void {
  const validate = compiled.get(kind) ?? compile(kind);
  compiled.set(kind, validate);
  if (validate(document)) return;
  const [first] = validate.errors ?? [];
  const where = `${first?.instancePath || '/'} ${first?.message ?? 'is refused'}`.slice(0, 300);
  throw new BomError('SBOM_SCHEMA_INVALID', `Cannot accept the ${LABEL[kind]} document: ${where}`);
}
