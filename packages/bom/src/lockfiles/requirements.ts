import { registryPurl } from '../purl.js';
import { type LockedPackage, type Lockfile, lockedPackage } from './lockfile.js';

const PINNED =
  /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*(?=$|;|\s|--)/;

/**
 * requirements.txt of pip. Only `==` with one whole version pins; ranges, wildcards, names alone, and files that are included
 * (`-r`, `-c`) or installed in place (`-e`) come back as `unresolved`.
 */
export function parseRequirements(text: string): Lockfile {
  const packages: LockedPackage[] = [];
  const unresolved: string[] = [];
  for (const raw of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const line = raw.replace(/(?:^|\s)#.*$/, '').trim();
    if (line === '') continue;
    if (/^-(?:-index-url|-extra-index-url|-find-links|-no-|-only-|-prefer-|-trusted-|-require-hashes|i |f )/.test(line))
      continue;
    const hashes = [...line.matchAll(/--hash[= ](\S+)/g)].map(([, hash = '']) => hash);
    const match = PINNED.exec(line);
    if (match === null || !isVersion(match[2] ?? '')) {
      unresolved.push(line.slice(0, 300));
      continue;
    }
    const [, name = '', version = ''] = match;
    const purl = registryPurl('pypi', name, version);
    packages.push(
      lockedPackage({
        key: `${name}==${version}`,
        ...(purl === undefined ? {} : { purl }),
        ecosystem: 'PyPI',
        name,
        version,
        integrity: hashes,
      }),
    );
  }
  return { kind: 'requirements', version: '', packages, unresolved, counts: {} };
}

/** PEP 440, as far as it tells a version from a wildcard or a word. */
function isVersion(text: string): boolean {
  return /^(?:\d+!)?\d+(?:\.\d+)*(?:[._-]?(?:a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)[._-]?\d*)*(?:-\d+)?(?:\+[a-z0-9._-]+)?$/i.test(
    text,
  );
}
