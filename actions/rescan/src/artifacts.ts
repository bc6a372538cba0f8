import type { ReportedFinding } from '@paved/gate/results';
import type { LegRecord, Plan } from './documents.js';
import { RescanError } from './error.js';

/** A finding that its owner has to hear of, and the releases of one artifact that have it. */
export interface News {
  /** As the newest release has it. */
  readonly finding: ReportedFinding;
  /** Versions, or digests without one; the newest first. */
  readonly releases: readonly string[];
  /** RFC 3339: when the first of them was published. */
  readonly publishedAt: string;
  /** RFC 3339: when the gate read the catalogues. */
  readonly feedSeenAt: string;
}

/** All releases of one artifact that a run looked at; issues are about the artifact, so that they outlive a version. */
export interface ArtifactState {
  /** registry/repository */
  readonly artifact: string;
  readonly planned: readonly string[];
  readonly missing: readonly string[];
  /** In the order of the plan. */
  readonly records: readonly LegRecord[];
  /** Nothing was left out, so that what is not in `news` is gone. */
  readonly complete: boolean;
  readonly news: readonly News[];
  /** The next patch version, when the newest release has news and everything in it has a fix. */
  readonly nextVersion: string | undefined;
}

/** @throws {RescanError} `RECORD_UNKNOWN` for a record of what was not planned, or the second of one digest */
export function groupByArtifact(plan: Plan, records: readonly LegRecord[]): readonly ArtifactState[] {
  const byImage = new Map<string, LegRecord>();
  const known = new Set(plan.releases.map(({ image }) => image));
  for (const record of records) {
    const { image } = record.facts;
    if (!known.has(image) || byImage.has(image)) {
      throw new RescanError(
        'RECORD_UNKNOWN',
        `Cannot use the record of "${image}": it was not planned, or is there twice`,
        { hint: 'Hand over the records of the jobs of this run alone' },
      );
    }
    byImage.set(image, record);
  }
  const groups = Map.groupBy(plan.releases, ({ artifact }) => artifact);
  return [...groups].map(([artifact, releases]) => stateOf(artifact, releases, byImage));
}

function stateOf(artifact: string, releases: Plan['releases'], byImage: ReadonlyMap<string, LegRecord>): ArtifactState {
  const records = releases.flatMap(({ image }) => byImage.get(image) ?? []);
  const missing = releases.filter(({ image }) => !byImage.has(image)).map(({ image }) => image);
  const complete = missing.length === 0 && records.every(({ verdict }) => verdict.unchecked.length === 0);
  const names = new Map(releases.map(({ image, tags }) => [image, tags[0] ?? image.slice(image.indexOf('@') + 1)]));
  const planned = releases.map(({ image }) => image);
  const news = newsOf(records, names);
  return { artifact, planned, missing, records, complete, news, nextVersion: nextVersionOf(releases[0], byImage) };
}

function newsOf(records: readonly LegRecord[], names: ReadonlyMap<string, string>): readonly News[] {
  const found = new Map<string, News>();
  for (const { facts, verdict } of records) {
    for (const finding of verdict.findings.filter(isNews)) {
      const known = found.get(finding.identity);
      const name = names.get(facts.image) ?? facts.image;
      found.set(finding.identity, {
        finding: known?.finding ?? finding,
        releases: [...(known?.releases ?? []), name],
        publishedAt: earlier(known?.publishedAt, facts.publishedAt),
        feedSeenAt: earlier(known?.feedSeenAt, verdict.at),
      });
    }
  }
  return [...found.values()];
}

export function isNews({ kev, status, action, mode }: ReportedFinding): boolean {
  return status === 'open' && (kev !== undefined || (action === 'block' && mode === 'enforce'));
}

function earlier(known: string | undefined, other: string): string {
  return known !== undefined && Date.parse(known) <= Date.parse(other) ? known : other;
}

/** Only where every finding has a fix: a release that the gate would refuse again helps nobody. */
function nextVersionOf(
  newest: Plan['releases'][number] | undefined,
  byImage: ReadonlyMap<string, LegRecord>,
): string | undefined {
  const [tag] = newest?.tags ?? [];
  const news = byImage.get(newest?.image ?? '')?.verdict.findings.filter(isNews) ?? [];
  const match = /^(v?\d+\.\d+\.)(\d+)$/.exec(tag ?? '');
  if (match === null || news.length === 0 || news.some(({ fixedIn }) => fixedIn.length === 0)) return undefined;
  return `${match[1]}${Number(match[2]) + 1}`;
}
