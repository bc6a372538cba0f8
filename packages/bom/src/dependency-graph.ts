import type { FetchManifest } from './fetch-manifest.js';
import { byText } from './identity.js';

export interface DependencyGraph {
  /** purls that the root requires itself. */
  readonly direct: readonly string[];
  readonly dependenciesOf: ReadonlyMap<string, readonly string[]>;
  /** Whether every package is reached from the root; if not, the lock file told fewer edges than there are. */
  readonly complete: boolean;
}

/** The edges of the lock file, sorted. */
export function dependencyGraph(manifest: FetchManifest): DependencyGraph {
  const dependenciesOf = new Map<string, readonly string[]>();
  for (const entry of manifest.packages) dependenciesOf.set(entry.purl, [...new Set(entry.dependencies)].sort(byText));
  const direct = manifest.packages
    .filter((entry) => entry.direct)
    .map((entry) => entry.purl)
    .sort(byText);
  const reached = new Set<string>();
  const queue = [...direct];
  for (let purl = queue.pop(); purl !== undefined; purl = queue.pop()) {
    if (reached.has(purl)) continue;
    reached.add(purl);
    queue.push(...(dependenciesOf.get(purl) ?? []));
  }
  return { direct, dependenciesOf, complete: reached.size === manifest.packages.length };
}
