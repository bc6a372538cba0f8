import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, object, record, string } from '@paved/json';
import type { ActionDefinition } from '@paved/runner-kit';
import { parse, stringify } from 'yaml';
import { ToolchainError } from '../error.js';
import type { PavedConfig } from '../render/config.js';
import { renderTemplate } from '../render/template.js';
import { renderValues } from '../render/workflows.js';
import { actionDocument } from './action-yml.js';
import { loadDefinitions } from './load-definitions.js';

const SOURCE = 'steps.yml';
const decodeSource = object({ outputs: record(string), steps: array(object({ id: string, uses: string })) });

/** Source of a composite action's steps, undefined for an action that is a program. */
export async function compositeSource(root: string, name: string): Promise<string | undefined> {
  return await readFile(join(root, 'actions', name, SOURCE), 'utf8').catch(() => undefined);
}

/** Own actions that the steps use, each once, in their order. */
export function partsOf(source: string): readonly string[] {
  return [...new Set([...source.matchAll(/uses: \$\/actions\/([a-z-]+)/g)].map(([, name = '']) => name))];
}

/**
 * action.yml of a composite action: inputs and outputs of its definition, then the steps with every token of the configuration as a
 * literal. Steps are own actions alone, never a shell: the job that uses it holds a token.
 * @throws {ToolchainError} `DEFINITION_INVALID`
 */
export function compositeYml(definition: ActionDefinition, source: string, config: PavedConfig): string {
  const document: unknown = parse(source);
  const { outputs, steps } = decode(definition.name, document);
  const foreign = steps.find(({ uses }) => !/^\$\/actions\/[a-z-]+$/.test(uses));
  if (foreign !== undefined) throw invalid(definition.name, `step "${foreign.id}" is not an own action`);
  if (Object.keys(definition.outputs).join() !== Object.keys(outputs).join()) {
    throw invalid(definition.name, `${SOURCE} has other outputs than the definition`);
  }
  const described = Object.entries(definition.outputs).map(([key, { description }]) => [
    key,
    { description, value: outputs[key] },
  ]);
  const whole = {
    ...actionDocument(definition),
    outputs: Object.fromEntries(described),
    runs: { using: 'composite', steps: (document as { steps: unknown }).steps },
  };
  const template = { name: `actions/${definition.name}/${SOURCE}`, text: stringify(whole, { lineWidth: 0 }) };
  const header = `# Generated from src/definition.ts, ${SOURCE} and paved.config.yml by "npm run docs"; do not edit.\n`;
  return renderTemplate(template, renderValues(config), header);
}

/** Every composite action rendered for `config`, by its path relative to the root; the definitions must be compiled. */
export async function renderComposites(root: string, config: PavedConfig): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const definition of await loadDefinitions(root)) {
    const source = await compositeSource(root, definition.name);
    if (source !== undefined) {
      files.set(`actions/${definition.name}/action.yml`, compositeYml(definition, source, config));
    }
  }
  return files;
}

function decode(name: string, document: unknown): ReturnType<typeof decodeSource> {
  try {
    return decodeSource(document);
  } catch (cause) {
    throw invalid(name, `${SOURCE} has a step that is not "uses", or no outputs`, cause);
  }
}

function invalid(name: string, state: string, cause?: unknown): ToolchainError {
  return new ToolchainError('DEFINITION_INVALID', `Cannot write action.yml of "${name}": ${state}`, { cause });
}
