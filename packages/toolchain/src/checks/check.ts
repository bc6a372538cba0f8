import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One way to find a committed file that is not what its sources produce. */
export interface Check {
  /** Name of the flag, without its dashes. */
  readonly name: string;
  /** The command that writes the files anew. */
  readonly cure: string;
  /** Paths relative to the root that differ, are missing, or should not be there. */
  drifted(root: string): Promise<readonly string[]>;
}

/** Compares byte for byte; an absent file differs. */
export async function driftedFiles(
  root: string,
  expected: ReadonlyMap<string, string | Buffer>,
): Promise<readonly string[]> {
  const drifted: string[] = [];
  for (const [path, bytes] of expected) {
    const committed = await readFile(join(root, path)).catch(() => undefined);
    if (committed === undefined || !committed.equals(Buffer.from(bytes))) drifted.push(path);
  }
  return drifted;
}
