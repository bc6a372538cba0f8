import { join } from 'node:path';

/** Path of a file in test/fixtures/sbom; tests run from the repository root. */
export function fixture(path: string): string {
  return join(process.cwd(), 'test', 'fixtures', 'sbom', path);
}
