import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLayout } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import type { Inputs } from '../run.js';
import { flattenLayout } from './flatten-layout.js';
import { imageFindings, imageRulesSarif } from './image-rules.js';

export interface FinishOptions {
  readonly layoutPath: string;
  readonly workDir: string;
  readonly recordPath: string;
  /** Digests of the images that it is based on. */
  readonly bases: readonly string[];
  readonly context: ActionContext;
}

/**
 * What every image goes through, whoever built it: one layer when asked for, then the rules. Returns the folder of the layout.
 * @throws {HermeticBuildError} `IMAGE_INVALID`
 */
export async function finishLayout(inputs: Inputs, options: FinishOptions): Promise<string> {
  const { workDir, recordPath, bases, context } = options;
  const path = inputs.flatten ? join(workDir, 'flat') : options.layoutPath;
  if (inputs.flatten) {
    await mkdir(path);
    await flattenLayout(options.layoutPath, path, join(workDir, 'flatten'), inputs['source-date-epoch']);
    await rm(options.layoutPath, { recursive: true });
  }
  const layout = await openLayout(path);
  const findings = await imageFindings(layout, bases, inputs['approved-bases']);
  await writeFile(join(recordPath, 'image-rules.sarif'), `${JSON.stringify(imageRulesSarif(findings), null, 2)}\n`);
  for (const { rule, platform, detail } of findings) context.log.warning(`${rule}: ${platform}: ${detail}`);
  const { digest } = layout.root;
  context.log.info(`Image ${digest}`);
  context.events.emit({ stage: 'build', event: 'image-built', digest, findings: findings.length });
  return path;
}
