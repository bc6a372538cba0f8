import type { Bom } from './bom.js';
import { MAIN_REF } from './merge-boms.js';

/** Who says it, for which commit; GitHub keeps the latest snapshot of each correlator and detector. */
export interface SnapshotContext {
  readonly sha: string;
  /** Full ref: `refs/heads/main`. */
  readonly ref: string;
  readonly job: { readonly id: string; readonly correlator: string };
  readonly detector: { readonly name: string; readonly version: string; readonly url: string };
  /** RFC 3339. */
  readonly scanned: string;
  /** The file that brings the packages, relative to the repository. */
  readonly manifest: string;
}

/**
 * The document that GitHub's dependency submission API takes (POST /repos/{owner}/{repo}/dependency-graph/snapshots). Nothing is
 * sent here: that needs `contents: write`, which only the report workflow asks for.
 * Packages without a purl have no place in it, and are counted.
 */
export function buildDependencySnapshot(bom: Bom, context: SnapshotContext) {
  const direct = new Set(bom.dependencies.get(MAIN_REF) ?? []);
  const purlOf = new Map(bom.components.map(({ ref, purl }) => [ref, purl]));
  const known = bom.components.filter(({ purl }) => purl !== undefined);
  const resolved = known.map(({ ref, purl = '', scope }) => [
    purl,
    {
      package_url: purl,
      relationship: direct.has(ref) ? 'direct' : 'indirect',
      scope,
      dependencies: (bom.dependencies.get(ref) ?? []).map((to) => purlOf.get(to)).filter((to) => to !== undefined),
    },
  ]);
  const { sha, ref, job, detector, scanned, manifest } = context;
  return {
    unidentified: bom.components.length - known.length,
    snapshot: {
      version: 0,
      sha,
      ref,
      job,
      detector,
      scanned,
      manifests: {
        [manifest]: { name: manifest, file: { source_location: manifest }, resolved: Object.fromEntries(resolved) },
      },
    },
  };
}
