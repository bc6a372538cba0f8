import { object, optional, parseJson, record, string } from '@paved/json';
import { ProvenanceError } from './error.js';

const decodeNeeds = record(object({ result: string, outputs: optional(record(string)) }));

/**
 * Rule 4, on `toJSON(needs)`: a skipped or failed job, or one whose outputs were dropped because they contain a masked value,
 * must not look like a build.
 * @returns the names of the needed jobs
 * @throws {ProvenanceError} `NEED_NOT_SUCCESSFUL`
 */
export function assertNeeds(text: string): readonly string[] {
  const needs = Object.entries(readNeeds(text));
  if (needs.length === 0) throw refused('the job needs no other job');
  for (const [name, { result, outputs }] of needs) {
    if (result !== 'success') throw refused(`job "${name}" ended as "${result.slice(0, 40)}"`);
    const values = Object.entries(outputs ?? {});
    if (values.length === 0) throw refused(`job "${name}" has no outputs`);
    const empty = values.find(([, value]) => value === '');
    if (empty !== undefined) throw refused(`output "${empty[0]}" of job "${name}" is empty`);
  }
  return needs.map(([name]) => name);
}

function readNeeds(text: string): ReturnType<typeof decodeNeeds> {
  try {
    return parseJson('the results of the needed jobs', text, decodeNeeds);
  } catch (cause) {
    throw new ProvenanceError('NEED_NOT_SUCCESSFUL', 'Cannot read the results of the needed jobs', {
      cause,
      hint: "Pass needs-results as the expression 'toJSON(needs)'",
    });
  }
}

function refused(state: string): ProvenanceError {
  return new ProvenanceError('NEED_NOT_SUCCESSFUL', `Cannot describe this build: ${state}`, {
    hint: 'Run the whole workflow again; nothing is signed for a build that did not end well',
  });
}
