import { readFile } from 'node:fs/promises';
import { parseProvenance, parseStatement } from '@paved/attestation';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Outcome } from './scenario.js';

/** What was stated; what was refused is thrown. */
export async function statementOf(outcome: Outcome) {
  if (outcome.error !== undefined) throw outcome.error;
  return parseProvenance(parseStatement(await readFile(outcome.outputs?.['statement-path'] ?? '')));
}

/** The schema that the build type names. */
export async function buildTypeSchema(): Promise<ValidateFunction> {
  const path = new URL('../../../docs/buildtypes/release-artifact/v1.schema.json', import.meta.url);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(JSON.parse(await readFile(path, 'utf8')));
}
