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
    super(
      'VERIFICATION_FAILED',
      `Cannot accept the artifact: ${failed.length} of ${checks.length} checks failed: ${reasonsOf(failed)}`,
      {
        hint: 'The table of checks in the summary and verification-path say what each one compared',
        outputs,
      },
    );
    this.checks = checks;
  }
}

/** Each reason once, with the checks that it stopped; what only follows from them is counted. */
function reasonsOf(failed: readonly Check[]): string {
  const asked = failed.filter(({ code }) => code !== 'NOT_CHECKED');
  const causes = asked.length === 0 ? failed : asked;
  const names = new Map<string, string[]>();
  for (const { name, code, detail } of causes) {
    const reason = `${code}: ${detail}`;
    names.set(reason, [...(names.get(reason) ?? []), name]);
  }
  const list = [...names].map(([reason, stopped]) => `${stopped.join(', ')} ${reason}`).join('; ');
  const others = failed.length - causes.length;
  return others === 0 ? list : `${list}; ${others} more could not be asked without them`;
}
