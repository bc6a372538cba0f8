import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repositories } from '../options.js';
import { type ActionFile, readActionFile } from '../workflow/action-file.js';
import { exportTree } from '../workflow/git-source.js';
import type { Parsers } from '../workflow/load-parser.js';
import type { StepModel, WorkflowSource } from '../workflow/model.js';
import { CHECKOUT } from './checkout.js';

export interface ResolvedAction extends ActionFile {
  /** Values of GITHUB_ACTION_REPOSITORY and GITHUB_ACTION_REF. */
  readonly repository: string;
  readonly ref: string;
  readonly folder: string;
  /** What the steps of a composite action use, by the name that they use. */
  readonly actions: ReadonlyMap<string, ResolvedAction>;
}

/** The repository that `$/` stands for, at a commit. */
type Home = Pick<WorkflowSource, 'repository' | 'folder' | 'sha'>;

/** GitHub's limit for composite actions within composite actions. */
const MAX_DEPTH = 9;
const REMOTE = /^([\w.-]+\/[\w.-]+)\/([\w./-]+)@([\w./-]+)$/;

/**
 * Downloads what a job's steps use before the first of them runs. `$/path` is the repository that holds the workflow file (or the
 * composite action) at its commit, `owner/name/path@ref` one of the given repositories; every other action than the emulated
 * checkout is refused.
 */
export async function resolveActions(
  parsers: Parsers,
  repositories: Repositories,
  home: Home,
  steps: readonly StepModel[],
  actionsFolder: string,
): Promise<ReadonlyMap<string, ResolvedAction>> {
  return await new Resolver(parsers, repositories, actionsFolder).resolve(home, steps, 1);
}

class Resolver {
  readonly #parsers: Parsers;
  readonly #repositories: Repositories;
  readonly #folder: string;
  readonly #trees = new Set<string>();

  constructor(parsers: Parsers, repositories: Repositories, folder: string) {
    this.#parsers = parsers;
    this.#repositories = repositories;
    this.#folder = folder;
  }

  async resolve(home: Home, steps: readonly StepModel[], depth: number): Promise<ReadonlyMap<string, ResolvedAction>> {
    if (depth > MAX_DEPTH) throw new Error(`Cannot resolve actions: they nest deeper than ${MAX_DEPTH}`);
    const uses = new Set(steps.flatMap((step) => (step.kind.$case === 'uses' ? [step.kind.uses] : [])));
    const resolved = new Map<string, ResolvedAction>();
    for (const name of uses) if (!CHECKOUT.test(name)) resolved.set(name, await this.#action(name, home, depth));
    return resolved;
  }

  async #action(name: string, home: Home, depth: number): Promise<ResolvedAction> {
    const { source, path } = name.startsWith('$/') ? { source: home, path: name.slice(2) } : this.#remote(name);
    const tree = join(this.#folder, source.repository, source.sha);
    if (!this.#trees.has(tree)) await exportTree(source.folder, source.sha, tree);
    this.#trees.add(tree);
    const folder = join(tree, path);
    const action = await readActionFile(this.#parsers, folder);
    const base = { ...action, repository: source.repository, ref: source.sha, folder };
    if (action.runs.$case === 'composite') {
      return { ...base, actions: await this.resolve(source, action.runs.steps, depth + 1) };
    }
    await assertExists(action.runs.main);
    if (action.runs.post !== undefined) await assertExists(action.runs.post);
    return { ...base, actions: new Map() };
  }

  #remote(name: string): { readonly source: Home; readonly path: string } {
    const [, repository = '', path = '', ref = ''] = REMOTE.exec(name) ?? [];
    const known = this.#repositories[repository];
    if (known === undefined || (/^[0-9a-f]{40}$/.test(ref) && ref !== known.sha)) {
      throw new Error(`Cannot resolve action '${name}': only $/, given repositories and actions/checkout by commit`);
    }
    return { source: { repository, folder: known.path, sha: known.sha }, path };
  }
}

async function assertExists(path: string): Promise<void> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) throw new Error(`File not found: '${path}'`);
}
