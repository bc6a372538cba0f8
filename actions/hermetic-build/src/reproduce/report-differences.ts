import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext } from '@paved/runner-kit';
import { HermeticBuildError } from '../error.js';
import { compareBuilds } from './compare-builds.js';
import { compareLayouts, isLayout } from './compare-layouts.js';

const MAX_NAMED = 5;
const MAX_ROWS = 50;
const MEDIA_TYPE = 'application/vnd.paved.reproduction.v1+json';

/**
 * Compares the outputs of two builds, of an image every file in every layer, and writes reproduction.json into `recordPath`.
 * @throws {HermeticBuildError} `BUILD_DIFFERS` with the first files and why
 */
export async function reportDifferences(
  first: string,
  second: string,
  recordPath: string,
  context: ActionContext,
): Promise<void> {
  const compare = (await isLayout(first)) && (await isLayout(second)) ? compareLayouts : compareBuilds;
  const differences = await compare(first, second);
  const document = { mediaType: MEDIA_TYPE, identical: differences.length === 0, differences };
  await writeFile(join(recordPath, 'reproduction.json'), `${JSON.stringify(document, null, 2)}\n`);
  context.events.emit({ stage: 'build', event: 'reproduced', differences: differences.length });
  if (differences.length === 0) {
    context.log.info('Both builds left the same bytes');
    return;
  }
  const rows = differences.map(({ path: file, reason }) => [file, reason]);
  context.summary.heading('Two builds differ').table(['File', 'Why'], rows.slice(0, MAX_ROWS));
  const named = differences.slice(0, MAX_NAMED).map(({ path: file, reason }) => `${file}: ${reason}`);
  throw new HermeticBuildError(
    'BUILD_DIFFERS',
    `Cannot reproduce the build: ${differences.length} files differ; ${named.join('; ')}`,
    {
      hint: 'Take times from SOURCE_DATE_EPOCH, sort what is listed from folders, and use no random names',
    },
  );
}
