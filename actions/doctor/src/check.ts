import type { Answer, SettingsApi } from './settings-api.js';

/** `unknown` is not good either: what cannot be read is not known to be safe. */
export type Outcome = 'pass' | 'fail' | 'unknown';

export interface CheckResult {
  readonly id: string;
  readonly outcome: Outcome;
  readonly detail: string;
  /** What to do; absent when it passed. */
  readonly cure?: string;
}

export interface Subject {
  readonly api: SettingsApi;
  /** `/repos/owner/name`. */
  readonly path: string;
  readonly repository: string;
  readonly owner: string;
  readonly branch: string;
  readonly environment: string;
  readonly packages: readonly string[];
  readonly commitCount: number;
}

export type Check = (subject: Subject) => Promise<readonly CheckResult[]>;

/** Judges an answer: `problems` are what is wrong with a setting that could be read. */
export function judge<T>(
  parts: { readonly id: string; readonly cure: string; readonly good: string; readonly absent: string },
  answer: Answer<T>,
  problems: (value: T) => readonly string[],
): CheckResult {
  const { id, cure } = parts;
  switch (answer.$case) {
    case 'absent':
      return { id, outcome: 'fail', detail: parts.absent, cure };
    case 'unreadable':
      return {
        id,
        outcome: 'unknown',
        detail: answer.why,
        cure: `Use a token that may read this setting. Then: ${cure}`,
      };
    case 'found': {
      const found = problems(answer.value);
      if (found.length === 0) return { id, outcome: 'pass', detail: parts.good };
      return { id, outcome: 'fail', detail: found.join('; '), cure };
    }
  }
}
