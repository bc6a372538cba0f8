import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActionFile, readActionFile } from '../workflow/action-file.js';
import { exportTree } from '../workflow/git-source.js';
import type { Parsers } from '../workflow/load-parser.js';
import type { StepModel, WorkflowModel } from '../workflow/model.js';
import { CHECKOUT } from './checkout.js';

export interface ResolvedAction extends ActionFile {
  /** Values of GITHUB_ACTION_REPOSITORY and GITHUB_ACTION_REF. */
  readonly repository: string;
  readonly ref: string;
}

/**
 * Downloads what a job's steps use before the first of them runs. `$/path` is the repository that holds the workflow file, at its
 * commit; every other action than the emulated checkout is refused, because the road uses none.
 */
export async function resolveActions(
  parsers: Parsers,
  workflow: WorkflowModel,
  steps: readonly StepModel[],
  actionsFolder: string,
): Promise<ReadonlyMap<string, ResolvedAction>> {
  const uses = new Set(steps.flatMap((step) => (step.kind.$case === 'uses' ? [step.kind.uses] : [])));
  const own = [...uses].filter((name) => !CHECKOUT.test(name));
  const { source } = workflow;
  const tree = join(actionsFolder, source.repository, source.sha);
  if (own.length > 0) await exportTree(source.folder, source.sha, tree);
  const resolved = new Map<string, ResolvedAction>();
  for (const name of own) {
    if (!name.startsWith('$/'))
      throw new Error(`Cannot resolve action '${name}': only $/ and actions/checkout by commit`);
    const action = await readActionFile(parsers, join(tree, name.slice(2)));
    await assertExists(action.main);
    if (action.post !== undefined) await assertExists(action.post);
    resolved.set(name, { ...action, repository: source.repository, ref: source.sha });
  }
  return resolved;
}

async function assertExists(path: string): Promise<void> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) throw new Error(`File not found: '${path}'`);
}
