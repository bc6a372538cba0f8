import { cvssBaseScore } from './cvss.js';
import type { CvssScore, FindingSource } from './raw-finding.js';
import { severityOfScore } from './severity.js';

const MAX_VECTORS = 10;
const MAX_CHARS = 400;

/** Scores of the vectors that have one, each once, worst first. */
export function scoresOf(vectors: readonly string[]): readonly CvssScore[] {
  const scored = [...new Set(vectors)].slice(0, MAX_VECTORS).flatMap((vector): readonly CvssScore[] => {
    try {
      return vector.length > MAX_CHARS ? [] : [{ vector, score: cvssBaseScore(vector) }];
    } catch {
      // A broken vector judges nothing.
      return [];
    }
  });
  return scored.sort((a, b) => b.score - a.score);
}

/** Whether the vectors of one source come to severities that differ, as versions of CVSS do. */
export function vectorsDisagree({ cvss = [] }: FindingSource): boolean {
  return new Set(cvss.map(({ score }) => severityOfScore(score))).size > 1;
}
