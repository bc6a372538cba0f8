import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Starter {
  readonly jobs: Readonly<
    Record<
      string,
      { readonly uses: string; readonly permissions: Record<string, string>; readonly with: Record<string, string> }
    >
  >;
  /** What the release job passes. */
  readonly inputs: Readonly<Record<string, string>>;
}

export function readStarter(name: string): Starter {
  const { jobs } = parse(readFileSync(join(ROOT, 'workflows/starters', `${name}.yml`), 'utf8'));
  return { jobs, inputs: jobs.release.with };
}
