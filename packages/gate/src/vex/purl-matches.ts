import { PackageURL } from 'packageurl-js';

const MAX_CACHED = 100_000;
const parsed = new Map<string, PackageURL | undefined>();

function parse(text: string): PackageURL | undefined {
  if (parsed.has(text)) return parsed.get(text);
  let purl: PackageURL | undefined;
  try {
    purl = text.startsWith('pkg:') && text.length <= 2048 ? PackageURL.fromString(text) : undefined;
  } catch {
    purl = undefined;
  }
  if (parsed.size < MAX_CACHED) parsed.set(text, purl);
  return purl;
}

/**
 * Whether a statement about `general` speaks of `specific`: same type, namespace and name; a version and every qualifier of the
 * general one must be equal in the specific one, which may have more. No ranges, and no version never matches a version.
 */
export function purlMatches(general: string, specific: string): boolean {
  const [left, right] = [parse(general), parse(specific)];
  if (left === undefined || right === undefined) return false;
  if (left.type !== right.type || left.name !== right.name) return false;
  if ((left.namespace ?? '') !== (right.namespace ?? '')) return false;
  if (left.version && left.version !== right.version) return false;
  if (left.subpath && left.subpath !== right.subpath) return false;
  const [wanted, had] = [left.qualifiers ?? {}, right.qualifiers ?? {}];
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(had, key) && had[key] === value);
}

/**
 * Whether it names an image by the last part of its name alone, which images of all registries and owners may have. Attack, or an
 * accident: what somebody says of their `app` would hold for ours.
 */
export function isAnyImage(text: string): boolean {
  const purl = parse(text);
  if (purl?.type !== 'oci' && purl?.type !== 'docker') return false;
  const { repository_url: repository } = purl.qualifiers ?? {};
  return !purl.version && !repository && !purl.namespace;
}
