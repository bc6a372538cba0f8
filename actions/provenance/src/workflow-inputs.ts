import { boolean, nullable, number, oneOf, parseJson, record, string } from '@paved/json';
import { ProvenanceError } from './error.js';

const decodeInputs = record(nullable(oneOf<string | number | boolean>(string, number, boolean)));

/**
 * The complete inputs of the reusable workflow, as `toJSON(inputs)` gives them: SLSA wants external parameters enumerated in full.
 * @throws {ProvenanceError} `INPUT_INVALID`
 */
export function parseWorkflowInputs(text: string): Readonly<Record<string, unknown>> {
  try {
    return parseJson('the inputs of the workflow', text, decodeInputs);
  } catch (cause) {
    throw new ProvenanceError('INPUT_INVALID', 'Cannot read input "workflow-inputs"', {
      cause,
      hint: "Pass the expression 'toJSON(inputs)'",
    });
  }
}
