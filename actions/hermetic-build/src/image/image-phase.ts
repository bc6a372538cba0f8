import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext } from '@paved/runner-kit';
import { readInside } from '../kinds/read-inside.js';
import type { Inputs } from '../run.js';
import { buildImage } from './build-image.js';
import { invalidImage, parseImageDescription, selectPlatforms } from './description.js';
import { finishLayout } from './finish-layout.js';

export interface ImagePlaces {
  readonly workDir: string;
  readonly artifactPath: string;
  readonly recordPath: string;
}

/** Makes the layout out of the collected outputs, and the findings of the image rules; `undefined` when no image is asked for. */
export async function buildImagePhase(
  inputs: Inputs,
  { workDir, artifactPath, recordPath }: ImagePlaces,
  context: ActionContext,
): Promise<string | undefined> {
  if (inputs.image === undefined) return undefined;
  const text = await readInside(inputs['source-path'], inputs.image);
  if (text === undefined) throw invalidImage(`there is no "${inputs.image}" in source-path`);
  const image = selectPlatforms(parseImageDescription(text), inputs.platforms);
  const layoutPath = join(workDir, 'layout');
  await mkdir(layoutPath);
  await buildImage(image, {
    filesPath: artifactPath,
    sourcePath: inputs['source-path'],
    layoutPath,
    sourceDateEpoch: inputs['source-date-epoch'],
  });
  const bases = image.base === undefined ? [] : [image.base.digest];
  return await finishLayout(inputs, { layoutPath, workDir, recordPath, bases, context });
}
