import { realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import {
  encodeStatement,
  MAX_STATEMENT_BYTES,
  type PredicateSlot,
  parseStatement,
  type Statement,
  slotOfPredicateType,
} from '@paved/attestation';
import { canonicalJson } from '@paved/json';
import { SignError } from './error.js';
import { readRegularFile } from './read-file.js';
import { assertAboutArtifact, type ReleasedArtifact } from './subjects.js';

/** A statement that is ready to be signed; `bytes` are what the signature covers. */
export interface PendingStatement {
  readonly slot: PredicateSlot | 'custom';
  /** Without the predicate, which may be large and is in the bytes. */
  readonly header: StatementHeader;
  readonly bytes: Buffer;
}

type StatementHeader = Pick<Statement, '_type' | 'subject' | 'predicateType'>;

/** Which action of this job makes the statements of a slot; its folder under RUNNER_TEMP/paved is where they must lie. */
const MAKERS: Readonly<Partial<Record<PredicateSlot, string>>> = {
  provenance: 'provenance',
  verdict: 'scan-gate',
  vsa: 'verify',
};

/**
 * Rule 2: takes statements of in-process builders only. A statement that came in a hand-over, or from the workspace, is planted.
 * @throws {SignError} `STATEMENT_SLOT`, `STATEMENT_ORIGIN`, `SUBJECT_MISMATCH`
 */
export async function readStatements(
  paths: readonly string[],
  temp: string,
  artifact: ReleasedArtifact,
): Promise<readonly PendingStatement[]> {
  // Paths of inputs are real ones, and the folder of temporary files may be named through a link.
  const folder = join(await realpath(temp), 'paved');
  return await Promise.all(
    paths.map(async (path) => {
      const bytes = await readRegularFile(path, MAX_STATEMENT_BYTES);
      const statement = parseStatement(bytes);
      const slot = slotOfPredicateType(statement.predicateType);
      const maker = slot === undefined ? undefined : MAKERS[slot];
      if (slot === undefined || maker === undefined) {
        throw new SignError(
          'STATEMENT_SLOT',
          `Cannot sign "${path}": its type "${shown(statement)}" has another way in`,
          {
            hint: 'statements takes provenance, verdict and verification summary; pass raw SBOM documents in sboms',
          },
        );
      }
      assertOrigin(path, join(folder, maker), maker);
      assertAboutArtifact(statement, artifact, `"${path}"`);
      return { slot, header: headerOf(statement), bytes };
    }),
  );
}

export function pending(slot: PendingStatement['slot'], statement: Statement): PendingStatement {
  return { slot, header: headerOf(statement), bytes: encodeStatement(statement) };
}

/**
 * A statement around a predicate that is canonical text already: the bytes that `encodeStatement` would give, without the predicate
 * ever being an object.
 * @throws {SignError} `STATEMENT_TOO_LARGE` for one that no verifier reads
 */
export function pendingAround(
  slot: PendingStatement['slot'],
  statement: StatementHeader,
  predicate: readonly Buffer[],
): PendingStatement {
  const { _type, subject, predicateType } = statement;
  // RFC 8785: members in the order of their names, of which `predicate` is the second.
  const rest = canonicalJson({ predicateType, subject }).slice(1);
  const parts = [Buffer.from(`{"_type":${JSON.stringify(_type)},"predicate":`), ...predicate, Buffer.from(`,${rest}`)];
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > MAX_STATEMENT_BYTES) {
    throw new SignError(
      'STATEMENT_TOO_LARGE',
      `Cannot sign a statement of ${size} bytes: no verifier reads more than ${MAX_STATEMENT_BYTES}`,
      { hint: 'Pass the trimmed document that sbom writes' },
    );
  }
  return { slot, header: headerOf(statement), bytes: Buffer.concat(parts, size) };
}

function headerOf({ _type, subject, predicateType }: StatementHeader): StatementHeader {
  return { _type, subject, predicateType };
}

function assertOrigin(path: string, folder: string, maker: string): void {
  const way = relative(folder, path);
  if (way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep)) return;
  throw new SignError('STATEMENT_ORIGIN', `Cannot sign "${path}": it was not made by ${maker} in this job`, {
    hint: `Pass the output of the ${maker} step; for a predicate of your own use predicate-path`,
  });
}

function shown(statement: Statement): string {
  return statement.predicateType.slice(0, 200);
}
