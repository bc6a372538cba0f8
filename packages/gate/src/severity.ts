/** `unknown` is a class of its own, not the lowest: nobody has judged it. `informational` is a judged score of 0.0. */
export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'informational' | 'unknown';

/** Worst first; `unknown` last, because any judgement beats none when sources disagree. */
export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'informational', 'unknown'];

const WORDS: Readonly<Record<string, Severity>> = {
  CRITICAL: 'critical',
  HIGH: 'high',
  IMPORTANT: 'high',
  MODERATE: 'medium',
  MEDIUM: 'medium',
  LOW: 'low',
  NEGLIGIBLE: 'low',
  NONE: 'informational',
  INFORMATIONAL: 'informational',
};

/** A database's own word in any case; `undefined` for a word that no database of ours uses. */
export function severityOfWord(word: string): Severity | undefined {
  const upper = word.toUpperCase();
  return Object.hasOwn(WORDS, upper) ? WORDS[upper] : undefined;
}

/** Qualitative severity rating scale (CVSS v3.1 section 5, the same in v4.0 section 6). */
export function severityOfScore(score: number): Severity {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  if (score >= 4) return 'medium';
  return score > 0 ? 'low' : 'informational';
}

export function worst(severities: Iterable<Severity>): Severity {
  const present = new Set(severities);
  return SEVERITIES.find((severity) => present.has(severity)) ?? 'unknown';
}
