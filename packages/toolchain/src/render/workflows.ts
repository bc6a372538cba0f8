import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PavedConfig } from './config.js';
import { type RenderValues, renderTemplate } from './template.js';

export interface RenderedWorkflow {
  /** File name below .github/workflows. */
  readonly name: string;
  readonly text: string;
}

/** Renders every source in `sourceFolder` (not its subfolders), in the order of their names. */
export async function renderWorkflows(sourceFolder: string, config: PavedConfig): Promise<readonly RenderedWorkflow[]> {
  const entries = await readdir(sourceFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.yml')).map((entry) => entry.name);
  const values = renderValues(config);
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      text: renderTemplate({ name, text: await readFile(join(sourceFolder, name), 'utf8') }, values),
    })),
  );
}

export async function writeWorkflows(targetFolder: string, workflows: readonly RenderedWorkflow[]): Promise<void> {
  await mkdir(targetFolder, { recursive: true });
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
