import { DockerfileParser, type From } from 'dockerfile-ast';
import type { ImageUse } from '../buildkit/dockerfile-plan.js';
import type { PlannedDockerfile } from '../buildkit/open-dockerfile.js';
import { patchRefused } from './patch-error.js';

/**
 * The image whose packages end up in what is released: the base of the target stage, through the stages that it is based on.
 * `undefined` when that is `scratch`, which has none. A stage that is only copied from brings files, and no packages.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`
 */
export function releasedBase(planned: PlannedDockerfile, target: string | undefined): ImageUse | undefined {
  const froms = (DockerfileParser.parse(planned.text) as { getFROMs(): From[] }).getFROMs();
  const bases = planned.plan.images.filter(({ role }) => role === 'FROM');
  for (let position = startOf(froms, target); ; ) {
    const from = froms[position];
    if (from === undefined) break;
    const line = from.getRange().start.line + 1;
    const image = bases.find((use) => use.line === line);
    if (image !== undefined) return image;
    const below = from.getImage() ?? '';
    if (below.toLowerCase() === 'scratch') return undefined;
    const stage = stageNamed(froms.slice(0, position), below);
    if (stage < 0) break;
    position = stage;
  }
  throw patchRefused(
    'the base of the stage that is released cannot be told from the Dockerfile',
    'Name the image, or the stage, in FROM without a variable',
  );
}

function startOf(froms: readonly From[], target: string | undefined): number {
  if (target === undefined) return froms.length - 1;
  return stageNamed(froms, target);
}

function stageNamed(froms: readonly From[], name: string): number {
  const found = froms.findLastIndex((from) => from.getBuildStage()?.toLowerCase() === name.toLowerCase());
  if (found >= 0) return found;
  return /^\d+$/.test(name) && Number(name) < froms.length ? Number(name) : -1;
}
