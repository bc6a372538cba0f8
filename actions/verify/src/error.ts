import { PavedError } from '@paved/errors';
import { RefusalError } from '@paved/runner-kit';
import type { Check } from './check.js';

export type VerifyErrorCode = 'INPUT_INVALID' | 'BUNDLES_INVALID' | 'TOO_MANY_BUNDLES' | 'TOO_MANY_MANIFESTS';

/** Why a verification could not be done at all. */
export class VerifyError extends PavedError<VerifyErrorCode> {}

/** The one error of a verification whose answer is no; carries every check's result, the good ones included. */
export class VerificationError extends RefusalError<'VERIFICATION_FAILED'> {
  readonly checks: readonly Check[];

  constructor(checks: readonly Check[], outputs: Readonly<Record<string, string>>) {
    const failed = checks.filter((check) => !check.ok);
    const list = failed.map(({ name, code, detail }) => `${name} ${code}: ${detail}`).join('; ');
    super(
      'VERIFICATION_FAILED',
      `Cannot accept the artifact: ${failed.length} of ${checks.length} checks failed: ${list}`,
      {
        hint: 'The table of checks in the summary and verification-path say what each one compared',
        outputs,
      },
    );
    this.checks = checks;
  }
}
