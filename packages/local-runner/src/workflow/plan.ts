import type { JobPermissions } from '@paved/testkit';
import { LocalRunnerError } from '../error.js';
import type { CallerRepository, Repositories } from '../options.js';
import { assertCommit, readFileAt } from './git-source.js';
import type { Parsers } from './load-parser.js';
import type { CallJob, StepsJob, WorkflowModel, WorkflowSource } from './model.js';
import { parseWorkflowModel, pathOfUses } from './parse-workflow.js';
import { assertWithin, DEFAULT_PERMISSIONS } from './permissions.js';

/** GitHub's limit for nested calls: the caller and nine more. */
const MAX_DEPTH = 10;
const COMMIT = /^[0-9a-f]{40}$/;

export interface PlannedSteps {
  readonly job: StepsJob;
  readonly permissions: JobPermissions;
}

export interface PlannedCall {
  readonly job: CallJob;
  readonly plan: Plan;
}

/** A workflow whose calls are all resolved and whose permissions and inputs were checked; nothing has run yet. */
export interface Plan {
  readonly workflow: WorkflowModel;
  readonly jobs: readonly (PlannedSteps | PlannedCall)[];
}

export class Planner {
  readonly #parsers: Parsers;
  readonly #repositories: Repositories;

  constructor(parsers: Parsers, repositories: Repositories) {
    this.#parsers = parsers;
    this.#repositories = repositories;
  }

  async plan(caller: CallerRepository, workflowPath: string): Promise<Plan> {
    const repository = `${caller.owner}/${caller.name}`;
    const source = { repository, folder: caller.path, sha: caller.sha, ref: caller.ref, path: workflowPath };
    await assertCommit(repository, caller.path, caller.sha);
    return await this.#planFile(source, undefined, 1);
  }

  async #planFile(source: WorkflowSource, granted: JobPermissions | undefined, depth: number): Promise<Plan> {
    if (depth > MAX_DEPTH) {
      throw new LocalRunnerError(
        'WORKFLOW_INVALID',
        `Cannot run "${source.path}": calls nest deeper than ${MAX_DEPTH}`,
      );
    }
    const text = await readFileAt(source.folder, source.sha, source.path);
    const workflow = await parseWorkflowModel(this.#parsers, source, text, async (uses) => {
      const called = await this.#resolve(uses, source);
      return await readFileAt(called.folder, called.sha, called.path);
    });
    const jobs: (PlannedSteps | PlannedCall)[] = [];
    for (const job of workflow.jobs) jobs.push(await this.#planJob(job, workflow, granted, depth));
    return { workflow, jobs };
  }

  async #planJob(
    job: StepsJob | CallJob,
    workflow: WorkflowModel,
    granted: JobPermissions | undefined,
    depth: number,
  ): Promise<PlannedSteps | PlannedCall> {
    const permissions = job.permissions ?? workflow.permissions ?? granted ?? DEFAULT_PERMISSIONS;
    if (granted !== undefined) assertWithin(job.id, permissions, granted);
    if (job.$case === 'steps') return { job, permissions };
    const source = await this.#resolve(job.uses, workflow.source);
    return { job, plan: await this.#planFile(source, permissions, depth + 1) };
  }

  /** `./` and `$/` name the repository and commit of the file that holds the call. */
  async #resolve(uses: string, from: WorkflowSource): Promise<WorkflowSource> {
    const path = pathOfUses(uses);
    if (uses.startsWith('./') || uses.startsWith('$/')) return { ...from, path };
    const [name = '', ref = ''] = splitOnce(uses, '@');
    const repository = name.split('/').slice(0, 2).join('/');
    const known = this.#repositories[repository];
    if (known === undefined) {
      throw new LocalRunnerError('WORKFLOW_NOT_FOUND', `Cannot find "${uses}": repository ${repository} is not given`);
    }
    if (COMMIT.test(ref) && ref !== known.sha) {
      throw new LocalRunnerError('WORKFLOW_NOT_FOUND', `Cannot find "${uses}": the given commit is ${known.sha}`);
    }
    await assertCommit(repository, known.path, known.sha);
    const fullRef = COMMIT.test(ref) || ref.startsWith('refs/') ? ref : (known.ref ?? `refs/tags/${ref}`);
    return { repository, folder: known.path, sha: known.sha, ref: fullRef, path };
  }
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}
