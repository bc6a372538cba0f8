import { describeError, PavedError } from '@paved/errors';

const MAX_DETAIL = 4000;

/** Runs a command of the toolchain: an expected error is one line on stderr, and every error is exit status 1. */
export async function runCommand(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof PavedError)) throw error;
    const cause = error.cause;
    const detail =
      typeof cause === 'object' && cause !== null && 'stderr' in cause
        ? `\n${String(cause.stderr).slice(0, MAX_DETAIL)}`
        : '';
    process.stderr.write(`${describeError(error)}${detail}\n`);
  }
}
