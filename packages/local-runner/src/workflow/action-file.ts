import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { Parsers } from './load-parser.js';

/** An action that the runner can start: JavaScript on Node 24. */
export interface ActionFile {
  /** Declared inputs with their default, by name. */
  readonly inputs: ReadonlyMap<string, TemplateToken | undefined>;
  /** Absolute paths. */
  readonly main: string;
  readonly post: string | undefined;
  /** Expression; `always()` when the file says nothing. */
  readonly postIf: string;
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
  if (using !== 'node24') throw new Error(`Cannot run an action with 'using: ${using}': only node24 is executed here`);
  if (runs?.find('pre') !== undefined) throw new Error(`Cannot run an action with 'pre': it is not executed here`);
  const inputs = root.find('inputs');
  const declared = inputs !== undefined && parsers.workflow.isMapping(inputs) ? [...inputs] : [];
  const post = runs?.find('post')?.toString();
  return {
    inputs: new Map(
      declared.map((pair) => [
        pair.key.toString(),
        parsers.workflow.isMapping(pair.value) ? pair.value.find('default') : undefined,
      ]),
    ),
    // As the service does it: joined, and only the existence of the file is checked when it starts.
    main: join(folder, runs?.find('main')?.toString() ?? ''),
    post: post === undefined ? undefined : join(folder, post),
    postIf: runs?.find('post-if')?.toString() ?? 'always()',
  };
}

async function readFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}
