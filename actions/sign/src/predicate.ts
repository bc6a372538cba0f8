import {
  buildStatement,
  isEnvelopeLike,
  isStatementLike,
  MAX_STATEMENT_BYTES,
  slotOfPredicateType,
} from '@paved/attestation';
import { parseJson, record, unknown } from '@paved/json';
import { SignError } from './error.js';
import { readRegularFile } from './read-file.js';
import { type PendingStatement, pending } from './statements.js';
import { type ReleasedArtifact, requireSubjects, statementsAbout } from './subjects.js';

/**
 * Standalone use: a predicate of the caller's own. The types of the road are reserved, because their statements say what this
 * project checked.
 * @throws {SignError} `INPUT_INVALID`, `PREDICATE_TYPE_RESERVED`, `PLANTED_STATEMENT`, `SUBJECTS_MISSING`
 */
export async function readPredicate(
  path: string | undefined,
  predicateType: string | undefined,
  artifact: ReleasedArtifact,
  perSubject: boolean,
): Promise<readonly PendingStatement[]> {
  if (path === undefined && predicateType === undefined) return [];
  if (path === undefined || predicateType === undefined) {
    throw new SignError('INPUT_INVALID', 'Cannot sign a predicate: predicate-path and predicate-type go together', {
      hint: 'Set both, or neither',
    });
  }
  assertType(predicateType);
  const text = (await readRegularFile(path, MAX_STATEMENT_BYTES)).toString('utf8');
  const predicate = parseJson('the predicate', text, record(unknown));
  if (isStatementLike(predicate) || isEnvelopeLike(predicate)) {
    throw new SignError('PLANTED_STATEMENT', `Cannot sign "${path}": it is a statement or an envelope already`, {
      hint: 'predicate-path names the predicate alone',
    });
  }
  const subjects = requireSubjects(artifact, `"${path}"`);
  return statementsAbout(buildStatement({ predicateType, subjects, predicate }), perSubject).map((part) =>
    pending('custom', part),
  );
}

function assertType(predicateType: string): void {
  if (!/^https?:\/\/[^\s"<>]+$/.test(predicateType)) {
    throw new SignError(
      'INPUT_INVALID',
      `Cannot use predicate-type "${predicateType.slice(0, 200)}": it is not a URI`,
      { hint: 'Give the type as an address, such as https://example.com/type/v1' },
    );
  }
  const slot = slotOfPredicateType(predicateType);
  if (slot === undefined) return;
  throw new SignError(
    'PREDICATE_TYPE_RESERVED',
    `Cannot use predicate-type "${predicateType}": it is made by paved alone`,
    {
      hint: slot.startsWith('sbom')
        ? 'Pass the document in sboms'
        : 'Pass the output of the action that makes it in statements',
    },
  );
}
