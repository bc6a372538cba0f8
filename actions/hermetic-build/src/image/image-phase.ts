import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionContext } from '@paved/runner-kit';
import { readInside } from '../kinds/read-inside.js';
import type { Inputs } from '../run.js';
import { buildImage } from './build-image.js';
import { invalidImage, parseImageDescription } from './description.js';
import { imageFindings, imageRulesSarif } from './image-rules.js';

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
  const image = parseImageDescription(text);
  const layoutPath = join(workDir, 'layout');
  await mkdir(layoutPath);
  const built = await buildImage(image, {
    filesPath: artifactPath,
    sourcePath: inputs['source-path'],
    layoutPath,
    sourceDateEpoch: inputs['source-date-epoch'],
  });
  const findings = await imageFindings(built, image.base?.digest, inputs['approved-bases']);
  await writeFile(join(recordPath, 'image-rules.sarif'), `${JSON.stringify(imageRulesSarif(findings), null, 2)}\n`);
  for (const { rule, platform, detail } of findings) context.log.warning(`${rule}: ${platform}: ${detail}`);
  context.log.info(`Image ${built.digest} for ${built.images.map(({ platform }) => platform).join(', ')}`);
  context.events.emit({ stage: 'build', event: 'image-built', digest: built.digest, findings: findings.length });
  return layoutPath;
}
