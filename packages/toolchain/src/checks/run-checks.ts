import { ToolchainError } from '../error.js';
import type { Check } from './check.js';
import { distCheck } from './dist.js';
import { docsCheck } from './docs.js';
import { workflowsCheck } from './workflows.js';

/** To add a check, write a file beside this one and name it here. */
export const CHECKS: readonly Check[] = [docsCheck, distCheck, workflowsCheck];

/** The checks that `flags` name, all of them without a flag. @throws {ToolchainError} `OPTION_UNKNOWN` */
export function selectChecks(flags: readonly string[]): readonly Check[] {
  for (const flag of flags) {
    if (!CHECKS.some(({ name }) => flag === `--${name}`)) {
      throw new ToolchainError('OPTION_UNKNOWN', `Cannot use option "${flag}": there is no such check`, {
        hint: `Use ${CHECKS.map(({ name }) => `--${name}`).join(', ')}, or no option for all`,
      });
    }
  }
  return flags.length === 0 ? CHECKS : CHECKS.filter(({ name }) => flags.includes(`--${name}`));
}

/** One line for each drifted path, with the command that cures it. */
export async function runChecks(root: string, checks: readonly Check[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const check of checks) {
    const drifted = await check.drifted(root);
    lines.push(...drifted.map((path) => `${path}: differs from what its sources produce; run "${check.cure}"`));
  }
  return lines;
}
