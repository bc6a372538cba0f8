import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type PlatformLeg, parseLegs } from '@paved/handoff/legs';
import { buildIndex, type Content, manifestDescriptor, writeLayout } from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { AssembleError } from './error.js';
import { openLegImage } from './leg-image.js';

type Inputs = InputsOf<typeof definition>;

/** Equal images of the legs give equal bytes, in whatever order the legs are named: every job that does this gets one digest. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const { 'legs-path': legsPath, layout } = inputs;
  const legs = parseLegs(inputs.platforms).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  await assertFolders(legsPath, legs);
  const workDir = await context.workDir();
  const images: Content[] = [];
  for (const leg of legs) {
    const image = await openLegImage(leg, { folder: join(legsPath, leg.key), layout, workDir });
    context.log.info(`${leg.platform} is ${image.root.digest}`);
    images.push(image);
  }
  const index = await buildIndex(images);
  const folder = join(workDir, 'layout');
  await writeLayout(folder, index, [manifestDescriptor(index.root)]);
  const { digest } = index.root;
  context.log.info(`The index over ${legs.length} platforms is ${digest}`);
  context.events.emit({ stage: 'build', event: 'assembled', digest, platforms: legs.map(({ platform }) => platform) });
  return { digest, 'layout-path': folder };
}

/** @throws {AssembleError} `LEG_MISSING`, `LEG_UNKNOWN` */
async function assertFolders(folder: string, legs: readonly PlatformLeg[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const { key, platform } of legs) {
    if (entries.some((entry) => entry.name === key && entry.isDirectory())) continue;
    throw new AssembleError('LEG_MISSING', `Cannot put the image together: nothing was handed over for ${platform}`, {
      hint: 'Receive the hand-over of every leg before this step',
    });
  }
  const stranger = entries.find(({ name }) => !legs.some(({ key }) => key === name));
  if (stranger === undefined) return;
  throw new AssembleError(
    'LEG_UNKNOWN',
    `Cannot put the image together: ${JSON.stringify(stranger.name.slice(0, 60))} is no leg of this build`,
    { hint: 'Name the platforms of all legs, as build.platforms of paved.config.yml does' },
  );
}
