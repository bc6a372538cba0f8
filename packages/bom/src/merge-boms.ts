import type { Bom, BomComponent, BomHash } from './bom.js';
import { present } from './fields.js';
import { byText } from './identity.js';

/** The reference of the main component in every merged bill. */
export const MAIN_REF = 'subject';

/** The same package of two bills is one component; without a purl, the same type, name and version are. */
function keyOf({ purl, type, name, version = '' }: BomComponent): string {
  return purl ?? `${type}:${name}@${version}`;
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort(byText);
}

/** Two digests of one algorithm that differ are two archives: stating either would be a guess, so neither stays. */
function sameHashes(a: readonly BomHash[], b: readonly BomHash[]): readonly BomHash[] {
  const all = new Map<string, Set<string>>();
  for (const { alg, content } of [...a, ...b]) all.set(alg, (all.get(alg) ?? new Set()).add(content));
  return [...all]
    .filter(([, contents]) => contents.size === 1)
    .flatMap(([alg, contents]) => [...contents].map((content) => ({ alg, content })))
    .sort((x, y) => byText(x.alg, y.alg));
}

function mergeComponent(a: BomComponent, b: BomComponent): BomComponent {
  const first = (x: string | undefined, y: string | undefined) =>
    x === undefined || y === undefined ? (x ?? y) : [x, y].sort(byText)[0];
  return present<BomComponent>({
    ref: a.ref,
    type: first(a.type, b.type) ?? 'library',
    name: first(a.name, b.name) ?? '',
    version: first(a.version, b.version),
    purl: first(a.purl, b.purl),
    cpe: first(a.cpe, b.cpe),
    supplier: first(a.supplier, b.supplier),
    licences: union(a.licences, b.licences),
    hashes: sameHashes(a.hashes, b.hashes),
    // To the stricter reading: one bill that ships it is enough.
    scope: a.scope === 'runtime' || b.scope === 'runtime' ? 'runtime' : 'development',
    locations: union(a.locations, b.locations),
    lockDigest: only([a.lockDigest, b.lockDigest]),
  });
}

const ORDER: readonly Bom['completeness'][] = ['incomplete', 'unknown', 'complete'];

/**
 * One bill of several of the same subject: the order of `boms` does not matter, the result is sorted, and it is as complete as
 * its least complete part.
 */
export function mergeBoms(boms: readonly Bom[]): Bom {
  const components = new Map<string, BomComponent>();
  const dependencies = new Map<string, Set<string>>();
  for (const bom of boms) {
    const keys = new Map<string, string>();
    if (bom.main !== undefined) keys.set(bom.main.ref, MAIN_REF);
    keys.set(MAIN_REF, MAIN_REF);
    for (const entry of bom.components) {
      const key = keyOf(entry);
      keys.set(entry.ref, key);
      const other = components.get(key);
      const own = { ...entry, ref: key };
      components.set(key, other === undefined ? sorted(own) : mergeComponent(other, own));
    }
    for (const [ref, needed] of bom.dependencies) {
      const from = keys.get(ref);
      if (from === undefined) continue;
      const edges = dependencies.get(from) ?? new Set<string>();
      for (const item of needed) {
        const to = keys.get(item);
        if (to !== undefined && to !== from) edges.add(to);
      }
      dependencies.set(from, edges);
    }
  }
  const list = [...components.values()].sort((a, b) => byText(a.ref, b.ref));
  const mains = boms.map(({ main }) => main).filter((main) => main !== undefined);
  const names = boms.map(({ name }) => name).filter((name) => name !== '');
  const times = boms.map(({ created }) => created).filter((time) => time !== undefined);
  const tools = new Map(
    boms.flatMap(({ tools: own }) => own.map((tool) => [`${tool.name}\0${tool.version ?? ''}`, tool])),
  );
  return present<Bom>({
    kind: 'cyclonedx',
    specVersion: '',
    name: [...names].sort(byText)[0] ?? '',
    created: [...times].sort(byText).at(-1),
    authors: boms.reduce<readonly string[]>((all, { authors }) => union(all, authors), []),
    producers: boms.reduce<readonly string[]>((all, { producers }) => union(all, producers), []),
    tools: [...tools].sort(([a], [b]) => byText(a, b)).map(([, tool]) => tool),
    lifecycles: boms.reduce<readonly string[]>((all, { lifecycles }) => union(all, lifecycles), []),
    source: sameSource(boms),
    lockfiles: lockfilesOf(boms),
    main: mains.length === 0 ? undefined : { ...mains.reduce(mergeMain), ref: MAIN_REF },
    components: list,
    dependencies: new Map(
      [...dependencies].sort(([a], [b]) => byText(a, b)).map(([ref, to]) => [ref, [...to].sort(byText)]),
    ),
    completeness: ORDER.find((word) => boms.some(({ completeness }) => completeness === word)) ?? 'unknown',
    counts: { sources: boms.length },
  });
}

/** Two lock files that state different digests are two archives: neither stays, as for hashes. */
function only(values: readonly (string | undefined)[]): string | undefined {
  const present = [...new Set(values.filter((value) => value !== undefined))];
  return present.length === 1 ? present[0] : undefined;
}

/** Parts of two commits are of no commit. */
function sameSource(boms: readonly Bom[]): Bom['source'] {
  const sources = boms.flatMap(({ source }) => source ?? []);
  const keys = new Set(sources.map(({ repository, commit }) => `${repository}\0${commit}`));
  return keys.size === 1 ? sources[0] : undefined;
}

function lockfilesOf(boms: readonly Bom[]): Bom['lockfiles'] {
  const all = new Map(
    boms.flatMap(({ lockfiles = [] }) => lockfiles.map((entry) => [`${entry.path}\0${entry.sha256}`, entry] as const)),
  );
  return all.size === 0 ? undefined : [...all].sort(([a], [b]) => byText(a, b)).map(([, entry]) => entry);
}

function mergeMain(a: BomComponent, b: BomComponent): BomComponent {
  return { ...mergeComponent(a, b), ref: MAIN_REF };
}

function sorted(entry: BomComponent): BomComponent {
  return {
    ...entry,
    licences: union(entry.licences, []),
    locations: union(entry.locations, []),
    hashes: sameHashes(entry.hashes, []),
  };
}
