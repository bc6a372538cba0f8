import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionTemplate } from '@actions/workflow-parser/actions/action-template';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { Parsers } from './load-parser.js';
import type { StepModel } from './model.js';
import { readStep } from './parse-workflow.js';

/** JavaScript on Node 24; paths are absolute. */
export interface NodeRuns {
  readonly $case: 'node';
  readonly main: string;
  readonly post: string | undefined;
  /** Expression; `always()` when the file says nothing. */
  readonly postIf: string;
}

export interface CompositeRuns {
  readonly $case: 'composite';
  readonly steps: readonly StepModel[];
  readonly outputs: ReadonlyMap<string, TemplateToken>;
}

/** An action that the runner can start. */
export interface ActionFile {
  /** Declared inputs with their default, by name. */
  readonly inputs: ReadonlyMap<string, TemplateToken | undefined>;
  readonly runs: NodeRuns | CompositeRuns;
}

/** Reads `action.yml` (or `.yaml`) of a folder with GitHub's parser. @throws {Error} whose message is what the job reports */
export async function readActionFile(parsers: Parsers, folder: string): Promise<ActionFile> {
  const text = await readFirst([join(folder, 'action.yml'), join(folder, 'action.yaml')]);
  if (text === undefined) throw new Error(`Can't find 'action.yml' or 'action.yaml' under '${folder}'`);
  const trace = new parsers.workflow.NoOperationTraceWriter();
  const { context, value } = parsers.action.parseAction({ name: 'action.yml', content: text }, trace);
  const errors = context.errors.getErrors().map((error) => error.message);
  if (value === undefined || errors.length > 0) throw new Error(`action.yml is not valid: ${errors.join('; ')}`);
  const root = value.assertMapping('action');
  const runs = root.find('runs')?.assertMapping('runs');
  const using = runs?.find('using')?.toString();
  const inputs = new Map(entries(parsers, root.find('inputs')).map(([name, spec]) => [name, spec?.find('default')]));
  if (using === 'composite') {
    const template = parsers.actionTemplate.convertActionTemplate(context, value);
    const outputs = entries(parsers, root.find('outputs')).flatMap(([name, spec]) => {
      const token = spec?.find('value');
      return token === undefined ? [] : [[name, token] as const];
    });
    return { inputs, runs: { $case: 'composite', steps: compositeSteps(template, runs), outputs: new Map(outputs) } };
  }
  if (using !== 'node24')
    throw new Error(`Cannot run an action with 'using: ${using}': only node24 and composite are executed here`);
  if (runs?.find('pre') !== undefined) throw new Error(`Cannot run an action with 'pre': it is not executed here`);
  const post = runs?.find('post')?.toString();
  return {
    inputs,
    runs: {
      $case: 'node',
      // As the service does it: joined, and only the existence of the file is checked when it starts.
      main: join(folder, runs?.find('main')?.toString() ?? ''),
      post: post === undefined ? undefined : join(folder, post),
      postIf: runs?.find('post-if')?.toString() ?? 'always()',
    },
  };
}

function compositeSteps(template: ActionTemplate, runs: MappingToken | undefined): readonly StepModel[] {
  if (template.runs.using !== 'composite') return [];
  const raw = runs?.find('steps')?.assertSequence('steps');
  return template.runs.steps.map((step, index) =>
    readStep(
      step,
      raw?.get(index).assertMapping('step'),
      (key) => new Error(`Cannot run the action: it uses "${key}"`),
    ),
  );
}

function entries(
  parsers: Parsers,
  token: TemplateToken | undefined,
): readonly (readonly [string, MappingToken | undefined])[] {
  if (token === undefined || !parsers.workflow.isMapping(token)) return [];
  return [...token].map((pair) => [
    pair.key.toString(),
    parsers.workflow.isMapping(pair.value) ? pair.value : undefined,
  ]);
}

async function readFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}
