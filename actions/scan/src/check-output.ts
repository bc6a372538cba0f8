import { GateError, parseReport } from '@paved/gate';
import { array, JsonError, object, parseJson, unknown } from '@paved/json';
import { assertAge, type Database } from './database.js';
import { ScanError } from './error.js';
import type { Scanner } from './scanner.js';

const syftDocument = object({ artifacts: array(unknown), schema: object({}), source: object({}) });

/**
 * Reads the whole report before it counts: what is cut off, or in another format than the scanner's own, is no answer.
 * Returns when its database was built, in its own words, after holding that to the limit.
 * @throws {ScanError} `SCANNER_OUTPUT_INVALID`, `DATABASE_STALE`
 */
export function checkOutput(
  scanner: Scanner,
  bytes: Buffer,
  asOf: string,
  database: Database | undefined,
): { readonly builtAt?: string } {
  try {
    if (scanner.output.kind === 'sbom') {
      parseJson('the document', bytes.toString('utf8'), syftDocument);
      return {};
    }
    const report = parseReport(`${scanner.name}.json`, bytes);
    if (report.format !== scanner.output.format) {
      throw new ScanError('SCANNER_OUTPUT_INVALID', `it is ${report.format}, expected ${scanner.output.format}`);
    }
    if (database === undefined) return {};
    const builtAt = report.database?.builtAt;
    if (builtAt === undefined || Number.isNaN(Date.parse(builtAt))) {
      assertDated(database);
      return {};
    }
    assertAge(database, builtAt, asOf);
    return { builtAt: new Date(builtAt).toISOString() };
  } catch (cause) {
    if (!(cause instanceof GateError || cause instanceof JsonError || isOtherFormat(cause))) throw cause;
    throw new ScanError('SCANNER_OUTPUT_INVALID', `Cannot use the report of ${scanner.name}: ${cause.message}`, {
      cause,
      hint: 'It may be cut off, or the program is not the scanner that it is named as',
    });
  }
}

/** @throws {ScanError} `DATABASE_STALE` when neither the scanner, nor its data, nor the server says how old they are */
function assertDated({ provider, records }: Database): void {
  if (records.every(({ builtAt, modifiedAt }) => (builtAt ?? modifiedAt) !== undefined)) return;
  throw new ScanError('DATABASE_STALE', `Cannot use the database of ${provider}: nothing says how old it is`, {
    hint: 'Name a mirror that sends Last-Modified',
  });
}

function isOtherFormat(error: unknown): error is ScanError {
  return error instanceof ScanError && error.code === 'SCANNER_OUTPUT_INVALID';
}
