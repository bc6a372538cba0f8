import { registryPurl } from '../purl.js';
import { get, type LockedPackage, type Lockfile, listOf, lockedPackage, malformed, textOf } from './lockfile.js';
import { parseJsonLock } from './npm.js';

const MAX_DEPTH = 200;

function mavenPackage(key: string, group: string, artifact: string, version: string, more: Partial<LockedPackage>) {
  const name = `${group}:${artifact}`;
  const purl = registryPurl('maven', name, version);
  return lockedPackage({ key, ...(purl === undefined ? {} : { purl }), ecosystem: 'Maven', name, version, ...more });
}

/** lockfile.json of maven-lockfile: a tree, in which the same artifact may stand often. */
export function parseMavenLock(text: string): Lockfile {
  const document = parseJsonLock('maven', text);
  const packages: LockedPackage[] = [];
  const walk = (items: unknown, prefix: string, depth: number): readonly string[] => {
    if (depth > MAX_DEPTH) throw malformed('maven', `it is nested deeper than ${MAX_DEPTH} levels`);
    return listOf(items).map((item, index) => {
      const key = `${prefix}${index}`;
      const requires = walk(get(item, 'children'), `${key}/`, depth + 1);
      const [algorithm, checksum] = [textOf(get(item, 'checksumAlgorithm')), textOf(get(item, 'checksum'))];
      const scope = textOf(get(item, 'scope')) === 'test' ? 'development' : 'runtime';
      const more = {
        direct: depth === 0,
        requires,
        scope,
        integrity: checksum === '' ? [] : [`${algorithm}:${checksum}`],
      } as const;
      const part = (name: string) => textOf(get(item, name));
      packages.push(mavenPackage(key, part('groupId'), part('artifactId'), part('version'), more));
      return key;
    });
  };
  const top = walk(get(document, 'dependencies'), '', 0);
  const version = String(get(document, 'lockFileVersion') ?? get(document, 'lockfileVersion') ?? '');
  const counts = { topLevel: top.length, plugins: listOf(get(document, 'mavenPlugins')).length };
  return { kind: 'maven', version, packages, unresolved: [], counts };
}

/** gradle.lockfile: `group:name:version=configurations`; `empty=` names configurations without dependencies. */
export function parseGradleLock(text: string): Lockfile {
  const packages: LockedPackage[] = [];
  for (const [number, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith('empty=')) continue;
    const match = /^([^:=\s]+):([^:=\s]+):([^:=\s]+)=(.*)$/.exec(line);
    if (match === null) throw malformed('gradle', `line ${number + 1} is not "group:name:version=configurations"`);
    const [, group = '', name = '', version = '', configurations = ''] = match;
    const test = configurations.split(',').every((item) => /test/i.test(item));
    packages.push(
      mavenPackage(line.split('=')[0] ?? '', group, name, version, { scope: test ? 'development' : 'runtime' }),
    );
  }
  return { kind: 'gradle', version: '', packages, unresolved: [], counts: {} };
}
