import { GateError } from '../error.js';
import { type Fields, fieldsOf, listAt, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import { parseBytes } from '../reports/parse-bytes.js';
import { parseCsaf } from './csaf.js';
import { parseCycloneDxVex } from './cyclonedx-vex.js';
import type { VexDocument } from './vex-document.js';
import type { VexProduct, VexSignature, VexStatement, VexStatus } from './vex-index.js';
import { vexMalformed } from './vex-malformed.js';

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_STATEMENTS = 50_000;
const STATUSES: readonly string[] = ['not_affected', 'affected', 'fixed', 'under_investigation'];

/**
 * Reads OpenVEX, CycloneDX or CSAF, told by what is in it. A statement that its format forbids makes the document unusable:
 * half of it would be a guess.
 * @param options.serials serial numbers (with version) of the SBOMs that CycloneDX references may point into
 * @throws {GateError} `VEX_MALFORMED`
 */
export function parseVex(
  what: string,
  bytes: Uint8Array,
  options: { readonly signature?: VexSignature; readonly serials?: readonly string[] } = {},
): VexDocument {
  if (bytes.length > MAX_BYTES) throw vexMalformed(what, `it has more than ${MAX_BYTES} bytes`);
  let value: unknown;
  try {
    value = parseBytes(what, bytes);
  } catch (cause) {
    throw new GateError('VEX_MALFORMED', `Cannot read VEX document ${what}: it is empty, truncated or no JSON`, {
      cause,
    });
  }
  const document = fieldsOf(value);
  if (document === undefined) throw vexMalformed(what, 'it is no object');
  const parsed = read(what, document, options.serials ?? []);
  if (parsed.statements.length > MAX_STATEMENTS)
    throw vexMalformed(what, `it has more than ${MAX_STATEMENTS} statements`);
  const { signature } = options;
  if (signature === undefined) return parsed;
  return { ...parsed, statements: parsed.statements.map((statement) => ({ ...statement, signature })) };
}

function read(what: string, document: Fields, serials: readonly string[]): VexDocument {
  if (document.bomFormat === 'CycloneDX') return parseCycloneDxVex(what, document, serials);
  if (textAt(objectAt(document, 'document'), 'category') !== '') return parseCsaf(what, document);
  const context = JSON.stringify(document['@context'] ?? '').slice(0, 500);
  if (context.includes('openvex.dev/ns') && Array.isArray(document.statements)) return parseOpenVex(what, document);
  throw vexMalformed(what, 'it is neither OpenVEX, CycloneDX nor CSAF');
}

function componentIds(component: Fields): readonly string[] {
  const identifiers = Object.values(objectAt(component, 'identifiers')).filter((entry) => typeof entry === 'string');
  const hashes = Object.values(objectAt(component, 'hashes')).filter((entry) => typeof entry === 'string');
  return [textAt(component, '@id'), ...identifiers, ...hashes].filter((id) => id !== '');
}

/** Identifiers of a product and of its parts (OpenVEX 0.2.0, "Product" and "Component"). */
export function openVexProduct(product: Fields): VexProduct {
  return { ids: componentIds(product), subcomponents: objectsAt(product, 'subcomponents').map(componentIds) };
}

/** Without an author it is read and never counts: no policy can name nobody. */
function parseOpenVex(what: string, document: Fields): VexDocument {
  const author = textAt(document, 'author');
  const time = textAt(document, 'timestamp');
  const statements = listAt(document, 'statements').map((entry, index) => {
    const statement = fieldsOf(entry);
    if (statement === undefined) throw vexMalformed(what, `statement ${index} is no object`);
    return openVexStatement(what, index, statement, { author, time });
  });
  return { format: 'openvex', author, statements };
}

function openVexStatement(
  what: string,
  index: number,
  statement: Fields,
  inherited: { readonly author: string; readonly time: string },
): VexStatement {
  const vulnerability = objectAt(statement, 'vulnerability');
  const ids = [
    textAt(vulnerability, 'name'),
    ...textsAt(vulnerability, 'aliases'),
    textAt(vulnerability, '@id').replace(/^.*\//s, ''),
  ].filter((id) => id !== '');
  const status = textAt(statement, 'status');
  const justification = textAt(statement, 'justification');
  const impact = textAt(statement, 'impact_statement');
  const refuse = (state: string) => vexMalformed(what, `statement ${index} ${state}`);
  if (ids.length === 0) throw refuse('names no vulnerability');
  if (!STATUSES.includes(status)) throw refuse('has no known status');
  if (status === 'not_affected' && justification === '' && impact === '') throw refuse('gives no justification');
  const timestamp = textAt(statement, 'timestamp') || inherited.time;
  if (Number.isNaN(Date.parse(timestamp))) throw refuse('has no time');
  return {
    document: what,
    author: inherited.author,
    ids: [...new Set(ids)],
    products: objectsAt(statement, 'products').map(openVexProduct),
    status: status as VexStatus,
    reason: oneLine(justification || impact || textAt(statement, 'action_statement')),
    timestamp,
  };
}
