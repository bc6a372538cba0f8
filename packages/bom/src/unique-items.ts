import { createHash } from 'node:crypto';
import { canonicalJson } from '@paved/json';

/** Digest of a value's canonical text: equal values have equal ones, and a set of them stays small. */
export function contentKey(canonical: string): string {
  return createHash('sha256').update(canonical).digest('base64');
}

/**
 * JSON Schema's `uniqueItems`. ajv compares each element with each other one, which takes minutes for the lists of a large product; the
 * number of comparisons here is that of the elements.
 */
export function hasUniqueItems(wanted: boolean, items: readonly unknown[]): boolean {
  if (!wanted || items.length < 2) return true;
  const seen = new Set<string>();
  for (const item of items) {
    const key = contentKey(canonicalJson(item));
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}
