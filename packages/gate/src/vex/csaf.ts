import { type Fields, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import type { VexDocument } from './vex-document.js';
import type { VexProduct, VexStatement, VexStatus } from './vex-index.js';
import { vexMalformed } from './vex-malformed.js';

const MAX_DEPTH = 100;

/** `product_status` groups and what they say (CSAF 2.0 section 3.2.3.9). */
const GROUPS: readonly (readonly [string, VexStatus])[] = [
  ['known_not_affected', 'not_affected'],
  ['fixed', 'fixed'],
  ['first_fixed', 'fixed'],
  ['known_affected', 'affected'],
  ['first_affected', 'affected'],
  ['last_affected', 'affected'],
  ['under_investigation', 'under_investigation'],
];

function helperIds(product: Fields): readonly string[] {
  const helper = objectAt(product, 'product_identification_helper');
  const hashes = objectsAt(helper, 'hashes').flatMap((entry) =>
    objectsAt(entry, 'file_hashes').map((hash) => textAt(hash, 'value')),
  );
  return [textAt(product, 'product_id'), textAt(helper, 'purl'), textAt(helper, 'cpe'), ...hashes].filter(
    (id) => id !== '',
  );
}

/** Level by level: a branch of branches must not become our stack. */
function productsOf(tree: Fields): Map<string, VexProduct> {
  const products = new Map<string, VexProduct>();
  const add = (product: Fields) => {
    const id = textAt(product, 'product_id');
    if (id !== '') products.set(id, { ids: helperIds(product), subcomponents: [] });
  };
  objectsAt(tree, 'full_product_names').forEach(add);
  let level = objectsAt(tree, 'branches');
  for (let depth = 0; level.length > 0 && depth < MAX_DEPTH; depth++) {
    for (const branch of level) add(objectAt(branch, 'product'));
    level = level.flatMap((branch) => objectsAt(branch, 'branches'));
  }
  for (const relationship of objectsAt(tree, 'relationships')) {
    const own = objectAt(relationship, 'full_product_name');
    const part = products.get(textAt(relationship, 'product_reference'));
    const whole = products.get(textAt(relationship, 'relates_to_product_reference'));
    const id = textAt(own, 'product_id');
    if (id !== '' && part && whole)
      products.set(id, { ids: [...helperIds(own), ...whole.ids], subcomponents: [part.ids] });
  }
  return products;
}

function reasonFor(vulnerability: Fields, productId: string): string {
  // Flags without products speak of all that the entry lists.
  const about = (entry: Fields) => {
    const ids = textsAt(entry, 'product_ids');
    return ids.includes(productId) || (ids.length === 0 && textsAt(entry, 'group_ids').length === 0);
  };
  const flag = objectsAt(vulnerability, 'flags').find(about);
  const threat = objectsAt(vulnerability, 'threats').find(about);
  return oneLine(textAt(flag, 'label') || textAt(threat, 'details'));
}

/** Statements of a CSAF 2.0 document of any profile that lists vulnerabilities with the status of products. */
export function parseCsaf(what: string, value: Fields): VexDocument {
  const document = objectAt(value, 'document');
  const author = textAt(objectAt(document, 'publisher'), 'name');
  const timestamp = textAt(objectAt(document, 'tracking'), 'current_release_date');
  if (author === '' || Number.isNaN(Date.parse(timestamp))) throw vexMalformed(what, 'publisher or time is missing');
  const products = productsOf(objectAt(value, 'product_tree'));
  const statements = objectsAt(value, 'vulnerabilities').flatMap((vulnerability): readonly VexStatement[] => {
    const ids = [
      textAt(vulnerability, 'cve'),
      ...objectsAt(vulnerability, 'ids').map((entry) => textAt(entry, 'text')),
    ].filter((id) => id !== '');
    if (ids.length === 0) return [];
    const status = objectAt(vulnerability, 'product_status');
    return GROUPS.flatMap(([group, meaning]) =>
      textsAt(status, group).map((productId) => ({
        document: what,
        author,
        ids,
        products: [products.get(productId) ?? { ids: [productId], subcomponents: [] }],
        status: meaning,
        reason: reasonFor(vulnerability, productId),
        timestamp,
      })),
    );
  });
  return { format: 'csaf', author, statements };
}
