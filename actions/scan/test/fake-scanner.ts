import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What gitleaks writes when it finds nothing. */
export const EMPTY_SARIF = JSON.stringify({
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'gitleaks', semanticVersion: 'v8.0.0', rules: [] } }, results: [] }],
});

/** A program that stands in for a scanner; the action cannot tell it from the real one. */
export async function fakeScanner(folder: string, name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/bash\n${script}\n`);
  await chmod(path, 0o700);
  return path;
}

export function prints(text: string): string {
  return `cat <<'PAVED_END'\n${text}\nPAVED_END`;
}
