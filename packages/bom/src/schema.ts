import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { BomError } from './error.js';
import { CYCLONEDX_REFERENCES, CYCLONEDX_SCHEMAS, SPDX_2_3 } from './schemas/documents.js';
import { hasUniqueItems } from './unique-items.js';

export type SbomKind = 'cyclonedx' | 'spdx';

/** Versions of CycloneDX that are read and written. */
export type CycloneDxVersion = keyof typeof CYCLONEDX_SCHEMAS;
export const CYCLONEDX_VERSIONS = ['1.5', '1.6', '1.7'] as const satisfies readonly CycloneDxVersion[];

type SchemaName = CycloneDxVersion | 'spdx';
const compiled = new Map<SchemaName, ValidateFunction>();

const OPTIONS = {
  strict: false,
  // First error only: hostile documents make millions.
  allErrors: false,
  // A schema's own oddities are not the user's business.
  logger: false,
  // The schemas are embedded and never change. Most runs check one document, so that compiling costs more than checking.
  validateSchema: false,
  meta: false,
  inlineRefs: false,
  code: { optimize: false },
} as const;

/** Each schema is compiled when the first document of its version comes. */
function compile(name: SchemaName): ValidateFunction {
  const ajv = new Ajv(OPTIONS);
  formats.default(ajv, ['date-time', 'email', 'uri']);
  // RFC 3987 references and RFC 6531 addresses, as far as they can hurt a reader: no white space, no control characters.
  ajv.addFormat('iri-reference', /^[^\s\p{Cc}<>"]*$/u);
  ajv.addFormat('idn-email', /^[^\s\p{Cc}@]+@[^\s\p{Cc}@]+$/u);
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    ...{ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', errors: false },
    validate: hasUniqueItems,
    error: { message: 'must NOT have duplicate items' },
  });
  if (name === 'spdx') return ajv.compile(SPDX_2_3);
  for (const reference of CYCLONEDX_REFERENCES) ajv.addSchema(reference);
  return ajv.compile(CYCLONEDX_SCHEMAS[name]);
}

function schemaOf(kind: SbomKind, document: unknown): SchemaName {
  if (kind === 'spdx') return 'spdx';
  const version = (document as { specVersion?: unknown } | null)?.specVersion;
  // What states another version is held to 1.6, which refuses it by that field or another.
  return CYCLONEDX_VERSIONS.find((known) => known === version) ?? '1.6';
}

/**
 * Holds a document to the published schema of its format and version, which is embedded: nothing is fetched.
 * @throws {BomError} `SBOM_SCHEMA_INVALID` with the path of the first field that the schema refuses
 */
export function assertSbomSchema(kind: SbomKind, document: unknown): void {
  const name = schemaOf(kind, document);
  const validate = compiled.get(name) ?? compile(name);
  compiled.set(name, validate);
  if (validate(document)) return;
  const [first] = validate.errors ?? [];
  const where = `${first?.instancePath || '/'} ${first?.message ?? 'is refused'}`.slice(0, 300);
  const label = name === 'spdx' ? 'SPDX 2.3' : `CycloneDX ${name}`;
  throw new BomError('SBOM_SCHEMA_INVALID', `Cannot accept the ${label} document: ${where}`, {
    hint: 'Make it again with a newer version of the tool that wrote it: the schema of its own version refuses it',
  });
}

/** A list of the outermost object whose elements the schema holds to something each, and to being different at most. */
export interface SeparateList {
  readonly unique: boolean;
}

interface ListSchema {
  readonly type?: unknown;
  readonly uniqueItems?: unknown;
}

interface RootSchema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, ListSchema>>;
}

const LIST_KEYWORDS = new Set(['type', 'items', 'uniqueItems', 'title', 'description', '$comment']);

function rootsOf(kind: SbomKind): readonly RootSchema[] {
  return kind === 'spdx' ? [SPDX_2_3] : Object.values(CYCLONEDX_SCHEMAS);
}

/** The lists that may be checked in pieces: those of which no version says anything else. */
export function separateLists(kind: SbomKind): ReadonlyMap<string, SeparateList> {
  const lists = new Map<string, SeparateList>();
  const roots = rootsOf(kind);
  const names = new Set(roots.flatMap(({ properties = {} }) => Object.keys(properties)));
  for (const name of names) {
    const found = roots.flatMap(({ properties = {} }): readonly ListSchema[] => {
      const schema = properties[name];
      return schema === undefined ? [] : [schema];
    });
    const plain = (schema: ListSchema) =>
      schema.type === 'array' && Object.keys(schema).every((keyword) => LIST_KEYWORDS.has(keyword));
    if (found.every(plain)) lists.set(name, { unique: found.some(({ uniqueItems }) => uniqueItems === true) });
  }
  return lists;
}

/** The members that every document of the kind has. */
export function requiredMembers(kind: SbomKind): readonly string[] {
  return [...new Set(rootsOf(kind).flatMap(({ required = [] }) => required))];
}
