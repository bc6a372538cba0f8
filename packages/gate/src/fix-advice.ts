import { type Fields, objectAt, objectsAt, textAt, textsAt } from './fields.js';
import { type Finding, isBlocking } from './finding.js';
import { byText, unique } from './order.js';
import { versionOrder } from './version-order.js';

/** Direct dependencies by purl; `roots` are the ones of the main component itself. */
export interface DependencyGraph {
  readonly roots: readonly string[];
  readonly dependsOn: ReadonlyMap<string, readonly string[]>;
}

/** The graph of a CycloneDX document, by purl; what has none is known by its reference. */
export function graphOfCycloneDx(document: Fields): DependencyGraph {
  const purls = new Map<string, string>();
  let level = objectsAt(document, 'components');
  for (let depth = 0; level.length > 0 && depth < 50; depth++) {
    for (const component of level) {
      const [ref, purl] = [textAt(component, 'bom-ref'), textAt(component, 'purl')];
      if (ref !== '' && purl !== '') purls.set(ref, purl);
    }
    level = level.flatMap((component) => objectsAt(component, 'components'));
  }
  const named = (ref: string) => purls.get(ref) ?? ref;
  const main = textAt(objectAt(objectAt(document, 'metadata'), 'component'), 'bom-ref');
  const edges = objectsAt(document, 'dependencies').map((entry): [string, readonly string[]] => [
    textAt(entry, 'ref'),
    textsAt(entry, 'dependsOn').map(named),
  ]);
  const roots = edges.filter(([ref]) => ref === main).flatMap(([, targets]) => targets);
  return { roots: unique(roots), dependsOn: new Map(edges.map(([ref, targets]) => [named(ref), targets])) };
}

/** What to do about one package so that it no longer blocks. */
export interface FixAdvice {
  readonly package: string;
  readonly from: readonly string[];
  /** The smallest version that clears every blocking finding of the package; absent where one of them has no fix. */
  readonly to?: string;
  /** Direct dependencies that bring it: one of them has to be moved to a version that asks for `to`. Empty: it is direct itself. */
  readonly through: readonly string[];
  readonly clears: readonly string[];
  readonly withoutFix: readonly string[];
}

/** Versions of fixes in order; an ecosystem whose order is not known keeps the one fix that all name. */
function smallestCommon(
  ecosystem: string,
  from: readonly string[],
  fixes: readonly (readonly string[])[],
): string | undefined {
  const compare = versionOrder(ecosystem);
  try {
    if (compare === undefined) {
      const [first = []] = fixes;
      return first.find((version) => fixes.every((list) => list.includes(version)));
    }
    const newest = [...from].sort(compare).at(-1) ?? '';
    const smallest = fixes.map((list) => list.filter((version) => compare(version, newest) > 0).sort(compare)[0]);
    if (smallest.some((version) => version === undefined)) return undefined;
    return (smallest as string[]).sort(compare).at(-1);
  } catch {
    return undefined;
  }
}

/** Direct dependencies from which the package can be reached. */
function bringers(graph: DependencyGraph, purls: ReadonlySet<string>): readonly string[] {
  if (graph.roots.some((root) => purls.has(root))) return [];
  const reaches = (root: string): boolean => {
    const seen = new Set<string>();
    const queue = [root];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      if (purls.has(node)) return true;
      if (seen.has(node)) continue;
      seen.add(node);
      queue.push(...(graph.dependsOn.get(node) ?? []));
    }
    return false;
  };
  return graph.roots.filter(reaches);
}

const MAX_ADVICE = 1000;

/** Per package with blocking findings: the smallest upgrade that clears the gate, and which direct dependency it goes through. */
export function fixAdvice(findings: readonly Finding[], graph: DependencyGraph | undefined): readonly FixAdvice[] {
  const byPackage = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (!isBlocking(finding) || finding.package === undefined) continue;
    const own = byPackage.get(finding.package.purl);
    if (own === undefined) byPackage.set(finding.package.purl, [finding]);
    else own.push(finding);
  }
  return [...byPackage]
    .slice(0, MAX_ADVICE)
    .flatMap(([purl, own]) => {
      const found = own[0]?.package;
      if (found === undefined) return [];
      const fixable = own.filter(({ fixedIn }) => fixedIn.length > 0);
      const versions = unique(own.flatMap((finding) => finding.package?.versions ?? []));
      const to = smallestCommon(
        found.ecosystem,
        versions,
        fixable.map(({ fixedIn }) => fixedIn),
      );
      const through =
        graph === undefined || found.direct
          ? []
          : bringers(graph, new Set(own.flatMap((finding) => finding.package?.purls ?? [])));
      return [
        {
          package: purl,
          from: versions,
          ...(fixable.length === own.length && to !== undefined ? { to } : {}),
          through,
          clears: to === undefined ? [] : unique(fixable.map(({ id }) => id)),
          withoutFix: unique(own.filter(({ fixedIn }) => fixedIn.length === 0).map(({ id }) => id)),
        },
      ];
    })
    .sort((a, b) => byText(a.package, b.package));
}
