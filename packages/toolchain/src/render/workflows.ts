import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLegs } from '@paved/handoff/legs';
import type { PavedConfig } from './config.js';
import type { RenderedLeg } from './expand-legs.js';
import { staleWorkflows } from './stale-workflows.js';
import { type RenderValues, renderTemplate, type Template } from './template.js';
import { deriveVariants } from './variant.js';

export interface RenderedWorkflow {
  /** File name below .github/workflows. */
  readonly name: string;
  readonly text: string;
}

/**
 * Renders every source in `sourceFolder`, and those that its subfolder `variants` derives from them for the build machines of the
 * configuration, in the order of their names.
 */
export async function renderWorkflows(sourceFolder: string, config: PavedConfig): Promise<readonly RenderedWorkflow[]> {
  const sources = await readTemplates(sourceFolder);
  const legs = legsOf(config);
  const variants = legs.length === 0 ? [] : await readTemplates(join(sourceFolder, 'variants'));
  const derived = variants.flatMap((variant) => deriveVariants(variant, sources, legs));
  const values = renderValues(config);
  return [...sources, ...derived]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((template) => ({ name: template.name, text: renderTemplate(template, values) }));
}

async function readTemplates(folder: string): Promise<readonly Template[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.yml')).map((entry) => entry.name);
  return await Promise.all(names.map(async (name) => ({ name, text: await readFile(join(folder, name), 'utf8') })));
}

function legsOf({ build }: PavedConfig): readonly RenderedLeg[] {
  const platforms = Object.keys(build.platforms);
  if (platforms.length === 0) return [];
  return parseLegs(platforms).map((leg) => ({ ...leg, runner: build.platforms[leg.platform] ?? '' }));
}

/** What was rendered once, and is no more, is removed. */
export async function writeWorkflows(targetFolder: string, workflows: readonly RenderedWorkflow[]): Promise<void> {
  await mkdir(targetFolder, { recursive: true });
  for (const name of await staleWorkflows(targetFolder, workflows)) await rm(join(targetFolder, name));
  await Promise.all(workflows.map(({ name, text }) => writeFile(join(targetFolder, name), text)));
}

/** Every value of the configuration by its dotted key, and how own actions are named. */
export function renderValues(config: PavedConfig): RenderValues {
  const values = new Map<string, string>();
  flatten('', config, values);
  // The demo alone may build without a sandbox; only then does its own verification let that pass.
  values.set('allow-isolation-none', String(config.isolation === 'none'));
  const self = config['self-reference'];
  const selfReference =
    self === '$/' ? { prefix: '$/', suffix: '' } : { prefix: `${config.repository}/`, suffix: `@${self}` };
  return { values, selfReference };
}

function flatten(prefix: string, value: unknown, into: Map<string, string>): void {
  if (typeof value !== 'object' || value === null) {
    into.set(prefix, typeof value === 'string' ? value.trimEnd() : String(value));
    return;
  }
  for (const [key, member] of Object.entries(value)) flatten(prefix === '' ? key : `${prefix}.${key}`, member, into);
}
