import { cureOf, describeCauses, InternalError, PavedError } from '@paved/errors';
import type { Commands } from './commands.js';
import type { Log } from './log.js';
import { plainText } from './plain-text.js';
import type { Secrets } from './secrets.js';

const MAX_MESSAGE = 3000;
const MAX_HINT = 900;
const REPORT = 'This is a defect of paved: report it with the log of this step';

/** Prints the one error annotation of a failed run: `CODE: message`, and the cure on a line of its own. */
export function reportError(error: unknown, commands: Commands, log: Log, secrets: Secrets): void {
  const expected = error instanceof PavedError && !(error instanceof InternalError);
  const code = error instanceof PavedError ? error.code : 'INTERNAL';
  const hint = expected ? cureOf(error) : error instanceof InternalError ? (error.hint ?? REPORT) : REPORT;
  const lines = [plainText(secrets.redact(`${code}: ${describeCauses(error)}`), MAX_MESSAGE)];
  if (hint !== undefined) lines.push(plainText(secrets.redact(hint), MAX_HINT));
  if (!expected && error instanceof Error && error.stack !== undefined) log.untrusted(error.stack);
  commands.annotate('error', lines.join('\n'));
}
