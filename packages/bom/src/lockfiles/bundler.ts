import { registryPurl } from '../purl.js';
import { type LockedPackage, type Lockfile, lockedPackage, malformed } from './lockfile.js';

/** Gemfile.lock: gems at four spaces in the sections GEM, GIT and PATH; what they require at six. */
export function parseBundlerLock(text: string): Lockfile {
  let section = '';
  const direct = new Set<string>();
  const found: { name: string; version: string; section: string; requires: string[] }[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^[A-Z]/.test(line)) section = line.trim();
    const gem = /^ {4}([A-Za-z0-9][\w.-]*) \(([^()]+)\)$/.exec(line);
    const edge = /^ {6}([A-Za-z0-9][\w.-]*)(?: \(.*\))?$/.exec(line);
    if (section === 'DEPENDENCIES') {
      const name = /^ {2}([A-Za-z0-9][\w.-]*)/.exec(line)?.[1];
      if (name !== undefined) direct.add(name);
    } else if (gem !== null && ['GEM', 'GIT', 'PATH'].includes(section)) {
      found.push({ name: gem[1] ?? '', version: gem[2] ?? '', section, requires: [] });
    } else if (edge !== null) found.at(-1)?.requires.push(edge[1] ?? '');
  }
  if (section === '') throw malformed('bundler', 'it has no section');
  const keyOf = new Map(found.map(({ name, version }) => [name, `${name}@${version}`]));
  const packages = found.map(({ name, version, section: from, requires }): LockedPackage => {
    const source = { GIT: 'git', PATH: 'local' }[from] ?? 'registry';
    const purl = source === 'registry' ? registryPurl('gem', name, version) : undefined;
    return lockedPackage({
      key: `${name}@${version}`,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'RubyGems',
      name,
      version,
      source: source as LockedPackage['source'],
      direct: direct.has(name),
      requires: requires.map((item) => keyOf.get(item)).filter((item) => item !== undefined),
    });
  });
  return { kind: 'bundler', version: '', packages, unresolved: [], counts: {} };
}
