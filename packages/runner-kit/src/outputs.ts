import type { Commands } from './commands.js';
import type { ActionDefinition } from './definition.js';
import { RunnerError } from './error.js';
import type { Secrets } from './secrets.js';

const MAX_OUTPUT = 256 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

/**
 * Checks all outputs, then writes all: none is written when one is wrong.
 * @throws {RunnerError} `OUTPUT_UNKNOWN`, `OUTPUT_INVALID`, or `OUTPUT_SECRET` for a value that the runner would drop in silence
 */
export function writeOutputs(
  definition: ActionDefinition,
  outputs: Readonly<Record<string, string | undefined>>,
  commands: Commands,
  secrets: Secrets,
): void {
  const given = Object.entries(outputs).filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (const [name, value] of given) assertOutput(definition, name, value, secrets);
  for (const [name, value] of given) commands.setOutput(name, value);
}

function assertOutput(definition: ActionDefinition, name: string, value: unknown, secrets: Secrets): void {
  if (!Object.hasOwn(definition.outputs, name)) {
    throw new RunnerError(
      'OUTPUT_UNKNOWN',
      `Cannot set output "${name}": action "${definition.name}" does not declare it`,
    );
  }
  if (typeof value !== 'string' || value.length > MAX_OUTPUT || CONTROL.test(value)) {
    throw new RunnerError('OUTPUT_INVALID', `Cannot set output "${name}": it is not plain text of at most 256 KiB`);
  }
  if (secrets.isIn(value)) {
    throw new RunnerError('OUTPUT_SECRET', `Cannot set output "${name}": it contains a secret`, {
      hint: 'Pass credentials in files under RUNNER_TEMP',
    });
  }
}
