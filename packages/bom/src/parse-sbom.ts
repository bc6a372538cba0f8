import { isEnvelopeLike, isStatementLike } from '@paved/attestation';
import { BomError } from './error.js';
import { byText } from './identity.js';
import { readCycloneDx } from './read-cyclonedx.js';
import { readSpdx } from './read-spdx.js';
import type { Sbom, SbomComponent } from './sbom.js';
import { assertSbomSchema, CYCLONEDX_VERSIONS, type SbomKind } from './schema.js';

/** The size above which stores refuse an attestation; a larger document cannot be released, so it is not read. */
export const MAX_SBOM_BYTES = 16 * 1024 * 1024;
export const MAX_COMPONENTS = 100_000;
const MAX_DEPTH = 200;

/**
 * Reads a CycloneDX (1.5 to 1.7) or SPDX 2.3 JSON document that comes from a machine that is not trusted, and holds it to its schema.
 * A statement or envelope in its place is refused: only the seal job makes statements.
 * @throws {BomError} `SBOM_TOO_LARGE`, `SBOM_MALFORMED`, `SBOM_IS_STATEMENT`, `SBOM_UNSUPPORTED`, `SBOM_SCHEMA_INVALID`
 */
export function parseSbom(bytes: Uint8Array): Sbom {
  const document = parseDocument(bytes);
  const kind = kindOf(document);
  assertSbomSchema(kind, document);
  const sbom = kind === 'cyclonedx' ? readCycloneDx(document) : readSpdx(document);
  if (sbom.components.length > MAX_COMPONENTS) {
    throw new BomError('SBOM_TOO_LARGE', `Cannot read the SBOM: it lists ${sbom.components.length} components`, {
      hint: 'Make one SBOM for each artifact instead of one for all',
    });
  }
  return { ...sbom, subjects: [...new Set(sbom.subjects)].sort(byText), components: sorted(sbom.components) };
}

/** JSON of at most `maxBytes` and a bounded depth. */
export function parseDocument(bytes: Uint8Array, maxBytes = MAX_SBOM_BYTES): unknown {
  if (bytes.length > maxBytes) {
    throw new BomError('SBOM_TOO_LARGE', `Cannot read the SBOM: it has ${bytes.length} bytes of ${maxBytes}`, {
      hint: 'Make one SBOM for each artifact, or leave the files out of it',
    });
  }
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new BomError('SBOM_MALFORMED', 'Cannot read the SBOM: it is not JSON in UTF-8', {
      cause,
      hint: 'Write it as JSON (CycloneDX or SPDX); XML and tag-value are not read',
    });
  }
  assertShallow(document);
  return document;
}

/** The schemas are recursive and so are their validators: depth would become our stack. */
export function assertShallow(document: unknown): void {
  let level: unknown[] = [document];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      throw new BomError('SBOM_MALFORMED', `Cannot read the SBOM: it is nested deeper than ${MAX_DEPTH} levels`, {
        hint: 'Make it again with the tool that wrote it: no SBOM needs such depth',
      });
    }
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}

/** @throws {BomError} `SBOM_IS_STATEMENT` */
export function assertNoStatement(document: unknown): void {
  if (!isStatementLike(document) && !isEnvelopeLike(document)) return;
  throw new BomError('SBOM_IS_STATEMENT', 'Cannot read the SBOM: it is a statement or a signed envelope', {
    hint: 'Hand over the raw CycloneDX or SPDX document; the statement is built where it is signed',
  });
}

export function kindOf(document: unknown): SbomKind {
  assertNoStatement(document);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new BomError('SBOM_MALFORMED', 'Cannot read the SBOM: it is not a JSON object', {
      hint: 'Give the CycloneDX or SPDX document itself, not a list of documents',
    });
  }
  const fields = document as Readonly<Record<string, unknown>>;
  if (fields.bomFormat === 'CycloneDX')
    return supported('cyclonedx', 'CycloneDX', fields.specVersion, CYCLONEDX_VERSIONS);
  if (typeof fields.spdxVersion === 'string') return supported('spdx', 'SPDX', fields.spdxVersion, ['SPDX-2.3']);
  const context = JSON.stringify(fields['@context'] ?? '').slice(0, 500);
  if (context.includes('spdx.org/rdf/3')) throw unsupported('SPDX 3 JSON-LD');
  throw new BomError('SBOM_MALFORMED', 'Cannot read the SBOM: it is neither CycloneDX nor SPDX', {
    hint: 'Give CycloneDX 1.5 to 1.7 or SPDX 2.3 as JSON',
  });
}

function supported(kind: SbomKind, label: string, version: unknown, wanted: readonly string[]): SbomKind {
  if (wanted.includes(String(version))) return kind;
  throw unsupported(`${label} ${String(version).slice(0, 40)}`);
}

function unsupported(what: string): BomError {
  return new BomError('SBOM_UNSUPPORTED', `Cannot read the SBOM: it is ${what}`, {
    hint: 'Give CycloneDX 1.5 to 1.7 or SPDX 2.3 as JSON',
  });
}

/** Merges what is listed twice, to the stricter reading: runtime wins over development, direct over indirect. */
function sorted(components: readonly SbomComponent[]): readonly SbomComponent[] {
  const merged = new Map<string, SbomComponent>();
  for (const component of components) {
    const key = component.purl ?? `?${component.name}\0${component.version ?? ''}`;
    const other = merged.get(key);
    if (other === undefined) merged.set(key, component);
    else merged.set(key, merge(other, component));
  }
  return [...merged].sort(([a], [b]) => byText(a, b)).map(([, component]) => component);
}

function merge(a: SbomComponent, b: SbomComponent): SbomComponent {
  return {
    ...a,
    // The first of two spellings in code-unit order, so that the order of the document does not matter.
    name: byText(a.name, b.name) <= 0 ? a.name : b.name,
    licences: [...new Set([...a.licences, ...b.licences])].sort(byText),
    scope: a.scope === 'runtime' || b.scope === 'runtime' ? 'runtime' : 'development',
    direct: a.direct || b.direct,
  };
}
