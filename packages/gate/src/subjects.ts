import type { Digest } from '@paved/digest';
import { GateError } from './error.js';

/**
 * Holds what a document says it describes to what is released: it names at least one digest, and none that is not released.
 * Without this, the clean SBOM of another artifact would speak for this one.
 * @throws {GateError} `code`
 */
export function assertDescribes(
  what: string,
  named: readonly Digest[],
  released: ReadonlySet<Digest>,
  code: 'SBOM_SUBJECT_MISMATCH' | 'REPORT_SUBJECT_MISMATCH',
): void {
  const stranger = named.find((digest) => !released.has(digest));
  if (named.length > 0 && stranger === undefined) return;
  const state = stranger === undefined ? 'it names no digest' : `it describes ${stranger}, which is not released here`;
  throw new GateError(code, `Cannot use ${what}: ${state}`, {
    hint: 'Give the document of this artifact, and the released files in subjects-path',
  });
}
