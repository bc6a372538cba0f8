import { readdir } from 'node:fs/promises';
import type { ActionContext } from '@paved/runner-kit';
import { HermeticBuildError } from '../error.js';
import type { Inputs, Outputs } from '../run.js';
import { reportDifferences } from './report-differences.js';

/**
 * Compares what two machines built; nothing is fetched or run, so neither a lock file nor a sandbox is needed.
 * @throws {HermeticBuildError} `OUTPUT_MISSING` unless both folders hold something, `BUILD_DIFFERS`
 */
export async function comparePhase(inputs: Inputs, context: ActionContext): Promise<Outputs> {
  const { 'first-path': first, 'second-path': second } = inputs;
  for (const path of [first, second]) {
    const names = path === undefined ? [] : await readdir(path).catch(() => []);
    if (names.length > 0) continue;
    throw new HermeticBuildError('OUTPUT_MISSING', `Cannot compare "${path ?? ''}": there is nothing in it`, {
      hint: 'Set first-path and second-path to the folders that two builds left (output artifact-path of each)',
    });
  }
  const recordPath = await context.workDir();
  await reportDifferences(first ?? '', second ?? '', recordPath, context);
  return { 'build-record-path': recordPath };
}
