import type { Bom, BomComponent } from './bom.js';
import { dependencyGraph } from './dependency-graph.js';
import type { FetchManifest } from './fetch-manifest.js';
import { present } from './fields.js';
import type { LockedPackage, Lockfile } from './lockfiles/lockfile.js';

const ROOT = 'subject';

/** What the fetch phase brought in, as one bill among others that are merged. */
export function bomOfFetchManifest(manifest: FetchManifest): Bom {
  const graph = dependencyGraph(manifest);
  return {
    kind: 'fetch-manifest',
    specVersion: '1',
    name: manifest.root.name,
    created: manifest.fetchedAt,
    authors: [],
    producers: [],
    tools: [],
    lifecycles: ['build'],
    source: { repository: manifest.source.repository, commit: manifest.source.sha },
    lockfiles: manifest.lockfiles.map(({ path, sha256 }) => ({ path, sha256 })),
    main: component({ ref: ROOT, type: 'application', ...manifest.root }, manifest.root.licence),
    components: manifest.packages.map((entry) => ({
      ...component({ ref: entry.purl, type: 'library', ...entry }, entry.licence),
      hashes: [
        { alg: 'SHA-256', content: entry.digests.sha256 },
        ...(entry.digests.sha512 === undefined ? [] : [{ alg: 'SHA-512', content: entry.digests.sha512 }]),
      ],
      scope: entry.scope,
      locations: entry.locations,
      ...(entry.lockDigest === '' ? {} : { lockDigest: entry.lockDigest }),
    })),
    dependencies: new Map([[ROOT, graph.direct], ...graph.dependenciesOf]),
    completeness: graph.complete ? 'complete' : 'incomplete',
    counts: {},
  };
}

function component(
  { ref, type, name, version, purl }: Pick<BomComponent, 'ref' | 'type' | 'name'> & Partial<BomComponent>,
  licence: string | undefined,
): BomComponent {
  return present<BomComponent>({
    ref,
    type,
    name,
    version,
    purl,
    cpe: undefined,
    supplier: undefined,
    licences: licence === undefined || licence.trim() === '' ? [] : [licence],
    hashes: [],
    scope: 'runtime',
    locations: [],
    lockDigest: undefined,
  });
}

/** `sha512-<base64>` of the Subresource Integrity form and `sha256:<hex>`; another form is not an archive's digest. */
function hashOf(text: string): BomComponent['hashes'] {
  const sri = /^(sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})$/.exec(text);
  const hex = /^(sha256|sha384|sha512):([0-9a-f]{64,128})$/.exec(text);
  const [, algorithm, value] = sri ?? hex ?? [];
  if (algorithm === undefined || value === undefined) return [];
  const content = sri === null ? value : Buffer.from(value, 'base64').toString('hex');
  return [{ alg: algorithm.replace('sha', 'SHA-'), content }];
}

/** A lock file, read; its digest where the caller knows it. */
export interface LockfileSource {
  readonly path: string;
  readonly lockfile: Lockfile;
  readonly sha256?: string;
}

/**
 * The packages of lock files. Several archives of one version (wheels) are several digests of one component, so none is stated
 * then: a reader could not tell which one was installed. Packages of the project itself are left out.
 */
export function bomOfLockfiles(lockfiles: readonly LockfileSource[]): Bom {
  const components: BomComponent[] = [];
  const dependencies = new Map<string, readonly string[]>();
  let complete = true;
  let named = lockfiles.find(({ lockfile }) => lockfile.root !== undefined)?.lockfile.root ?? '';
  const direct: string[] = [];
  for (const { path, lockfile } of lockfiles) {
    const refOf = new Map(lockfile.packages.map((item) => [item.key, item.purl ?? `${path}#${item.key}`]));
    complete &&= lockfile.unresolved.length === 0 && lockfile.packages.some(({ requires }) => requires.length > 0);
    for (const item of lockfile.packages) {
      const edges = item.requires.map((key) => refOf.get(key) ?? '');
      if (item.source === 'local') {
        direct.push(...edges);
        if (named === '') named = item.name;
        continue;
      }
      const ref = refOf.get(item.key) ?? '';
      if (item.direct === true) direct.push(ref);
      components.push(lockedComponent(item, ref, path));
      dependencies.set(ref, [...(dependencies.get(ref) ?? []), ...edges]);
    }
  }
  const known = new Set(components.map(({ ref }) => ref));
  const kept = (refs: readonly string[]) => [...new Set(refs)].filter((ref) => known.has(ref));
  return {
    kind: 'lockfile',
    specVersion: '',
    name: named,
    authors: [],
    producers: [],
    tools: [],
    lifecycles: ['pre-build'],
    lockfiles: lockfiles.flatMap(({ path, sha256 }) => (sha256 === undefined ? [] : [{ path, sha256 }])),
    components,
    dependencies: new Map([...dependencies, [ROOT, direct] as const].map(([ref, refs]) => [ref, kept(refs)])),
    completeness: complete ? 'complete' : 'incomplete',
    counts: { unresolved: lockfiles.reduce((sum, { lockfile }) => sum + lockfile.unresolved.length, 0) },
  };
}

function lockedComponent(item: LockedPackage, ref: string, path: string): BomComponent {
  const hashes = item.integrity.flatMap(hashOf);
  return {
    ...component({ ref, type: 'library', ...item }, undefined),
    hashes: hashes.length === 1 ? hashes : [],
    scope: item.scope,
    locations: [path],
  };
}
