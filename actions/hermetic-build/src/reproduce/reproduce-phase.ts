import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext } from '@paved/runner-kit';
import type { SandboxMethod } from '@paved/sandbox';
import { buildPhase } from '../build/build-phase.js';
import { HermeticBuildError } from '../error.js';
import type { Inputs, Outputs } from '../run.js';
import { compareBuilds } from './compare-builds.js';

const MAX_NAMED = 5;

/**
 * Builds twice from one bundle, in two fresh copies of the source in different folders, and compares every output.
 * @throws {HermeticBuildError} `BUILD_DIFFERS` with the first files and why; the second build's outputs are not handed on
 */
export async function reproducePhase(
  inputs: Inputs,
  bundlePath: string,
  context: ActionContext,
  candidates: readonly SandboxMethod[],
): Promise<Outputs> {
  const first = await buildPhase(inputs, bundlePath, context, candidates);
  const second = await buildPhase(inputs, bundlePath, context, candidates);
  const differences = await compareBuilds(first['artifact-path'] ?? '', second['artifact-path'] ?? '');
  const document = {
    mediaType: 'application/vnd.paved.reproduction.v1+json',
    identical: differences.length === 0,
    differences,
  };
  const path = join(first['build-record-path'] ?? '', 'reproduction.json');
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
  context.events.emit({ stage: 'build', event: 'reproduced', differences: differences.length });
  if (differences.length === 0) {
    context.log.info('Both builds left the same bytes');
    return first;
  }
  const rows = differences.map(({ path: file, reason }) => [file, reason]);
  context.summary.heading('Two builds differ').table(['File', 'Why'], rows.slice(0, 50));
  const named = differences.slice(0, MAX_NAMED).map(({ path: file, reason }) => `${file}: ${reason}`);
  throw new HermeticBuildError(
    'BUILD_DIFFERS',
    `Cannot reproduce the build: ${differences.length} files differ; ${named.join('; ')}`,
    {
      hint: 'Take times from SOURCE_DATE_EPOCH, sort what is listed from folders, and use no random names',
    },
  );
}
