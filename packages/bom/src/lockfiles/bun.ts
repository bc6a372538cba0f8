import { registryPurl } from '../purl.js';
import { fieldsOf, get, type LockedPackage, type Lockfile, listOf, lockedPackage, textOf } from './lockfile.js';
import { parseJsonLock } from './npm.js';

/** bun.lock: JSON with trailing commas; those outside of strings are dropped first. */
export function parseBunLock(text: string): Lockfile {
  const strict = text.replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])/g, (_all, quoted?: string) => quoted ?? '');
  const document = parseJsonLock('bun', strict);
  const packages = Object.entries(fieldsOf(get(document, 'packages'))).map(([key, value]): LockedPackage => {
    const parts = listOf(value);
    const resolution = textOf(parts[0]);
    const at = resolution.indexOf('@', 1);
    const [name, reference] = [resolution.slice(0, at), resolution.slice(at + 1)];
    const source = sourceOf(reference);
    const purl = source === 'registry' ? registryPurl('npm', name, reference) : undefined;
    const integrity = textOf(parts[3]);
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'npm',
      name,
      version: reference,
      source,
      integrity: integrity === '' ? [] : [integrity],
    });
  });
  return { kind: 'bun', version: String(get(document, 'lockfileVersion') ?? ''), packages, unresolved: [], counts: {} };
}

function sourceOf(reference: string): LockedPackage['source'] {
  if (/^(?:workspace|link|file|root):/.test(reference)) return 'local';
  if (/^(?:git[+:]|github:)/.test(reference)) return 'git';
  return /^https?:/.test(reference) ? 'url' : 'registry';
}
