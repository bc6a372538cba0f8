import { registryPurl } from '../purl.js';
import { fieldsOf, get, type LockedPackage, type Lockfile, listOf, lockedPackage, textOf } from './lockfile.js';
import { parseJsonLock } from './npm.js';

/** Pipfile.lock: `default` and `develop`. */
export function parsePipfileLock(text: string): Lockfile {
  const document = parseJsonLock('pipfile', text);
  const unresolved: string[] = [];
  const read = (section: string, scope: LockedPackage['scope']): readonly LockedPackage[] =>
    Object.entries(fieldsOf(get(document, section))).flatMap(([name, value]) => {
      const version = /^==(.+)$/.exec(textOf(get(value, 'version')))?.[1];
      if (version === undefined) unresolved.push(name);
      const purl = version === undefined ? undefined : registryPurl('pypi', name, version);
      return [
        lockedPackage({
          key: `${section}/${name}`,
          ...(purl === undefined ? {} : { purl }),
          ecosystem: 'PyPI',
          name,
          version: version ?? '',
          source: version === undefined ? 'unknown' : 'registry',
          scope,
          integrity: listOf(get(value, 'hashes')).map(textOf),
        }),
      ];
    });
  const [runtime, development] = [read('default', 'runtime'), read('develop', 'development')];
  return {
    kind: 'pipfile',
    version: String(get(get(document, '_meta'), 'pipfile-spec') ?? ''),
    packages: [...runtime, ...development],
    unresolved,
    counts: { default: runtime.length, develop: development.length },
  };
}

/** composer.lock: `packages` and `packages-dev`. */
export function parseComposerLock(text: string): Lockfile {
  const document = parseJsonLock('composer', text);
  const read = (section: string, scope: LockedPackage['scope']): readonly LockedPackage[] =>
    listOf(get(document, section)).map((value, index) => {
      const [name, version] = [textOf(get(value, 'name')), textOf(get(value, 'version'))];
      const purl = registryPurl('composer', name, version);
      const shasum = textOf(get(get(value, 'dist'), 'shasum'));
      return lockedPackage({
        key: `${section}/${index}`,
        ...(purl === undefined ? {} : { purl }),
        ecosystem: 'Packagist',
        name,
        version,
        scope,
        integrity: shasum === '' ? [] : [`sha1:${shasum}`],
      });
    });
  const [prod, dev] = [read('packages', 'runtime'), read('packages-dev', 'development')];
  return {
    kind: 'composer',
    version: textOf(get(document, 'plugin-api-version')),
    packages: [...prod, ...dev],
    unresolved: [],
    counts: { prod: prod.length, dev: dev.length },
  };
}
