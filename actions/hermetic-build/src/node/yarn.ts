import { parseLockfile, type Stanza, stanzas } from '@paved/bom/lockfiles';
import { HermeticBuildError } from '../error.js';
import { assertNotGit } from '../lockfile/lockfile.js';
import type { GraphPackage, PackageGraph } from './package-graph.js';
import { outdated, readWanted } from './package-json.js';
import { invalid } from './place-packages.js';

/**
 * yarn.lock of yarn 1. Later versions lock the digest of a zip that yarn itself packs out of each archive: it says nothing of the
 * bytes that a registry serves, so it cannot be checked without running yarn, and is refused.
 * @throws {HermeticBuildError} `LOCKFILE_KIND`, `LOCKFILE_OUTDATED`, `GIT_DEPENDENCY`, `LOCKFILE_INVALID`
 */
export function readYarnLock(text: string, packageJson: string): PackageGraph {
  if (/^__metadata:/m.test(text)) {
    throw new HermeticBuildError(
      'LOCKFILE_KIND',
      'Cannot use yarn.lock: its checksums are of zips that yarn makes, not of the packages',
      {
        hint: 'Commit package-lock.json beside it ("npm install --package-lock-only") and set lockfile to that',
      },
    );
  }
  parseLockfile('yarn', text);
  const entries = stanzas(text);
  const byDescriptor = new Map(entries.flatMap((entry) => entry.descriptors.map((item) => [item, entry] as const)));
  const find = (descriptor: string) => byDescriptor.get(descriptor)?.descriptors[0];
  const wanted = readWanted(packageJson);
  const idsOf = (ranges: Readonly<Record<string, string>>) =>
    new Map(
      Object.entries(ranges).map(([name, range]) => {
        const id = find(`${name}@${range}`);
        if (id === undefined) throw outdated('yarn.lock', `${name}@${range}`);
        return [name, id] as const;
      }),
    );
  const packages = new Map(entries.map((entry) => [entry.descriptors[0] ?? '', packageOf(entry, find)]));
  return { root: wanted.root, packages, runtime: idsOf(wanted.runtime), development: idsOf(wanted.development) };
}

function packageOf(entry: Stanza, find: (descriptor: string) => string | undefined): GraphPackage {
  const [first = ''] = entry.descriptors;
  const own = first.slice(0, first.indexOf('@', 1));
  const alias = /^npm:((?:@[^/]+\/)?[^@]+)(?:@|$)/.exec(first.slice(own.length + 1))?.[1];
  const resolved = (entry.fields.get('resolved') ?? '').replace(/#.*$/, '');
  assertNotGit(first, entry.fields.get('resolved'));
  if (!/^https?:/.test(resolved)) throw invalid(`"${first.slice(0, 200)}" has no address`);
  const integrity = entry.fields.get('integrity');
  const requires = entry.requires.map((descriptor) => {
    const id = find(descriptor);
    if (id === undefined) throw invalid(`"${descriptor.slice(0, 200)}" is required, and not in it`);
    return [descriptor.slice(0, descriptor.indexOf('@', 1)), id] as const;
  });
  return {
    name: alias ?? own,
    version: entry.fields.get('version') ?? '',
    entry: { resolved, ...(integrity === undefined ? {} : { integrity }) },
    requires: new Map(requires),
  };
}
