import { cvssBaseScore } from './cvss.js';
import type { CvssScore, FindingSource } from './raw-finding.js';
import { severityOfScore } from './severity.js';

const MAX_VECTORS = 10;
const MAX_CHARS = 400;

const MAX_KNOWN = 10_000;
/** Vectors recur from record to record; `undefined` is one that has no score. */
const known = new Map<string, CvssScore | undefined>();

function scoreOf(vector: string): CvssScore | undefined {
  if (known.has(vector)) return known.get(vector);
  let scored: CvssScore | undefined;
  try {
    scored = vector.length > MAX_CHARS ? undefined : { vector, score: cvssBaseScore(vector) };
  } catch {
    // A broken vector judges nothing.
  }
  if (known.size >= MAX_KNOWN) known.clear();
  if (vector.length <= MAX_CHARS) known.set(vector, scored);
  return scored;
}

/** Scores of the vectors that have one, each once, worst first. */
export function scoresOf(vectors: readonly string[]): readonly CvssScore[] {
  const [only] = vectors;
  if (only === undefined) return [];
  if (vectors.length === 1) {
    const scored = scoreOf(only);
    return scored === undefined ? [] : [scored];
  }
  const scored = [...new Set(vectors)].slice(0, MAX_VECTORS).flatMap((vector) => scoreOf(vector) ?? []);
  return scored.sort((a, b) => b.score - a.score);
}

/** Whether the vectors of one source come to severities that differ, as versions of CVSS do. */
export function vectorsDisagree({ cvss }: FindingSource): boolean {
  const [first, ...others] = cvss ?? [];
  if (first === undefined || others.length === 0) return false;
  const severity = severityOfScore(first.score);
  return others.some(({ score }) => severityOfScore(score) !== severity);
}
