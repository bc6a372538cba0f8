import type { ActionContext } from '@paved/runner-kit';
import type { Outputs } from '../run.js';
import { reportDifferences } from './report-differences.js';

/**
 * Builds twice from one bundle, in two fresh copies of the source in different folders, and compares every output.
 * @throws {HermeticBuildError} `BUILD_DIFFERS`; the second build's outputs are not handed on
 */
export async function reproducePhase(build: () => Promise<Outputs>, context: ActionContext): Promise<Outputs> {
  const [first, second] = [await build(), await build()];
  const recordPath = first['build-record-path'] ?? '';
  await reportDifferences(first['artifact-path'] ?? '', second['artifact-path'] ?? '', recordPath, context);
  return first;
}
