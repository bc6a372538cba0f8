import { type Metrics, measure, type Observation, SEVERITIES, type Severity } from '@paved/gate/results';
import type { ArtifactState } from './artifacts.js';
import { artifactKey, type KnownIssue } from './issues.js';

/**
 * Times to detect and to remediate over all artifacts. An open finding is seen since its issue, or since this run; a closed issue is one
 * that is gone, and its two dates are the only history that is needed.
 */
export function metricsOf(states: readonly ArtifactState[], known: readonly KnownIssue[], at: string): Metrics {
  const observations = states.flatMap((state) => [...openIn(state, at), ...goneFrom(state, known)]);
  const planned = states.reduce((sum, state) => sum + state.planned.length, 0);
  const checked = states.reduce((sum, state) => sum + state.records.length, 0);
  return measure(observations, { published: planned, checked }, at);
}

function openIn({ artifact, records, news }: ArtifactState, at: string): readonly Observation[] {
  const published = new Map(news.map(({ finding, publishedAt }) => [finding.identity, publishedAt]));
  const found = new Map<string, Observation>();
  for (const { facts, verdict } of records) {
    for (const { identity, severity, kev, firstSeen, status } of verdict.findings) {
      if (status !== 'open' || found.has(identity)) continue;
      const since = published.get(identity) ?? facts.publishedAt;
      found.set(identity, {
        identity,
        subject: artifact,
        severity,
        ...(kev === undefined ? {} : { published: laterOf(`${kev.dateAdded}T00:00:00Z`, since) }),
        firstSeen: firstSeen ?? at,
      });
    }
  }
  return [...found.values()];
}

function goneFrom({ artifact }: ArtifactState, known: readonly KnownIssue[]): readonly Observation[] {
  const mine = artifactKey(artifact);
  return known.flatMap(({ key, artifactKey: about, severity, createdAt, closedAt }) => {
    if (about !== mine || createdAt === undefined || closedAt === undefined) return [];
    return [{ identity: key, subject: artifact, severity: asSeverity(severity), firstSeen: createdAt, gone: closedAt }];
  });
}

function asSeverity(text: string | undefined): Severity {
  return SEVERITIES.find((severity) => severity === text) ?? 'unknown';
}

function laterOf(a: string, b: string): string {
  return Date.parse(a) > Date.parse(b) ? a : b;
}
