import type { WorkflowTemplate } from '@actions/workflow-parser';
import type { BasicExpressionToken } from '@actions/workflow-parser/templates/tokens/basic-expression-token';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { JobPermissions, PermissionLevel } from '@paved/testkit';
import { LocalRunnerError } from '../error.js';
import type { Parsers } from './load-parser.js';
import type { CallJob, InputSpec, StepModel, StepsJob, WorkflowModel, WorkflowSource } from './model.js';
import { shorthandPermissions } from './permissions.js';

/** Gives the text of a called workflow, for the parser's own check of its inputs. */
export type ReadCalled = (uses: string) => Promise<string>;

type TemplateJob = WorkflowTemplate['jobs'][number];

const UNSUPPORTED_JOB_KEYS = ['container', 'services', 'snapshot', 'defaults', 'continue-on-error', 'secrets'];

/**
 * Parses and checks a workflow file with GitHub's parser: schema, contexts, needs graph, and for called workflows missing and unknown inputs.
 * @throws {LocalRunnerError} `WORKFLOW_INVALID` with all of the parser's messages, `WORKFLOW_UNSUPPORTED` for keys that are not executed here
 */
export async function parseWorkflowModel(
  parsers: Parsers,
  source: WorkflowSource,
  text: string,
  readCalled: ReadCalled,
): Promise<WorkflowModel> {
  const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = parsers.workflow;
  const { context, value } = parseWorkflow({ name: source.path, content: text }, new NoOperationTraceWriter());
  const calls = value === undefined ? new Map<string, string>() : callsByPath(parsers, value);
  const provider = {
    getFileContent: async (reference: { readonly path: string }) => {
      const uses = calls.get(reference.path) ?? '';
      return { name: uses, content: await readCalled(uses) };
    },
  };
  const template =
    value === undefined
      ? undefined
      : await convertWorkflowTemplate(context, value, provider, { fetchReusableWorkflowDepth: 1 });
  const errors = context.errors.getErrors();
  if (template === undefined || value === undefined || errors.length > 0) {
    const messages = errors.map((error) => error.message).join('; ');
    throw new LocalRunnerError('WORKFLOW_INVALID', `Cannot run "${source.path}": ${messages || 'it is empty'}`);
  }
  return new ModelReader(parsers, source, value.assertMapping('workflow')).read(template);
}

/** The parser asks for files by path alone; the paths of two calls never differ only in their repository here. */
function callsByPath(parsers: Parsers, root: TemplateToken): Map<string, string> {
  const calls = new Map<string, string>();
  if (!parsers.workflow.isMapping(root)) return calls;
  const jobs = root.find('jobs');
  if (jobs === undefined || !parsers.workflow.isMapping(jobs)) return calls;
  for (const pair of jobs) {
    const uses = parsers.workflow.isMapping(pair.value) ? pair.value.find('uses') : undefined;
    if (uses !== undefined) calls.set(pathOfUses(uses.toString()), uses.toString());
  }
  return calls;
}

/** The path in its repository of `./a`, `$/a`, or `owner/name/a@ref`. */
export function pathOfUses(uses: string): string {
  if (uses.startsWith('./') || uses.startsWith('$/')) return uses.slice(2);
  return (uses.split('@')[0] ?? '').split('/').slice(2).join('/');
}

class ModelReader {
  readonly #guards: Parsers['workflow'];
  readonly #source: WorkflowSource;
  readonly #root: MappingToken;

  constructor(parsers: Parsers, source: WorkflowSource, root: MappingToken) {
    this.#guards = parsers.workflow;
    this.#source = source;
    this.#root = root;
  }

  read(template: WorkflowTemplate): WorkflowModel {
    if (this.#root.find('defaults') !== undefined) throw this.#unsupported('defaults');
    const on = this.#root.find('on');
    const call = this.#child(this.#child(on, 'workflow_call'), 'inputs');
    const dispatch = this.#child(this.#child(on, 'workflow_dispatch'), 'inputs');
    const outputs = this.#child(this.#child(on, 'workflow_call'), 'outputs');
    const rawJobs = this.#root.find('jobs')?.assertMapping('jobs');
    return {
      source: this.#source,
      name: this.#root.find('name')?.toString() ?? this.#source.path,
      events: this.#eventNames(on),
      callInputs: new Map(this.#entries(call).map(([name, token]) => [name, this.#inputSpec(token)])),
      dispatchInputs: new Map(
        this.#entries(dispatch).map(([name, token]) => [
          name,
          { ...this.#inputSpec(token), required: this.#child(token, 'required')?.toString() === 'true' },
        ]),
      ),
      callOutputs: new Map(
        this.#entries(outputs).flatMap(([name, token]) => {
          const value = this.#child(token, 'value');
          return value === undefined ? [] : [[name, value] as const];
        }),
      ),
      permissions: this.#permissions(this.#root.find('permissions')),
      env: this.#root.find('env'),
      jobs: template.jobs.map((job) => this.#job(job, rawJobs?.find(job.id.value)?.assertMapping('job'))),
    };
  }

  #eventNames(on: TemplateToken | undefined): readonly string[] {
    if (on === undefined) return [];
    if (this.#guards.isMapping(on)) return this.#entries(on).map(([name]) => name);
    return this.#guards.isSequence(on) ? [...on].map(String) : [on.toString()];
  }

  #inputSpec(token: TemplateToken): InputSpec {
    return { type: this.#child(token, 'type')?.toString() ?? 'string', default: this.#child(token, 'default') };
  }

  #job(job: TemplateJob, raw: MappingToken | undefined): StepsJob | CallJob {
    for (const key of UNSUPPORTED_JOB_KEYS) if (raw?.find(key) !== undefined) throw this.#unsupported(key);
    const base = {
      id: job.id.value,
      name: raw?.find('name'),
      needs: this.#needs(raw?.find('needs')),
      condition: job.if,
      permissions: this.#permissions(raw?.find('permissions')),
    };
    const strategy = raw?.find('strategy');
    if (job.type === 'reusableWorkflowJob') {
      if (strategy !== undefined) throw this.#unsupported('strategy');
      return { ...base, $case: 'call', uses: job.ref.value, with: job['input-values'] };
    }
    const rawSteps = raw?.find('steps')?.assertSequence('steps');
    return {
      ...base,
      $case: 'steps',
      env: job.env,
      environment: job.environment,
      concurrency: raw?.find('concurrency'),
      runsOn: job['runs-on'],
      timeoutMinutes: raw?.find('timeout-minutes'),
      outputs: job.outputs,
      strategy,
      steps: job.steps.map((step, index) =>
        readStep(step, rawSteps?.get(index).assertMapping('step'), (key) => this.#unsupported(key)),
      ),
    };
  }

  /** Read from the file, because the parser empties its own list while it checks the graph. */
  #needs(token: TemplateToken | undefined): readonly string[] {
    if (token === undefined) return [];
    return this.#guards.isSequence(token) ? [...token].map(String) : [token.toString()];
  }

  #permissions(token: TemplateToken | undefined): JobPermissions | undefined {
    if (token === undefined) return undefined;
    if (!this.#guards.isMapping(token)) return shorthandPermissions(token.toString());
    return Object.fromEntries(this.#entries(token).map(([key, level]) => [key, level.toString() as PermissionLevel]));
  }

  #child(token: TemplateToken | undefined, key: string): TemplateToken | undefined {
    return token !== undefined && this.#guards.isMapping(token) ? token.find(key) : undefined;
  }

  #entries(token: TemplateToken | undefined): readonly (readonly [string, TemplateToken])[] {
    if (token === undefined || !this.#guards.isMapping(token)) return [];
    return [...token].map((pair) => [pair.key.toString(), pair.value] as const);
  }

  #unsupported(key: string): LocalRunnerError {
    return new LocalRunnerError('WORKFLOW_UNSUPPORTED', `Cannot run "${this.#source.path}": it uses "${key}"`, {
      hint: 'This runner executes what paved workflows use, and refuses the rest instead of ignoring it',
    });
  }
}

/** A step of a job or of a composite action; what is not executed here is refused with `unsupported`. */
export function readStep(step: Step, raw: MappingToken | undefined, unsupported: (key: string) => Error): StepModel {
  const base = {
    id: step.id,
    name: raw?.find('name'),
    condition: step.if as BasicExpressionToken,
    env: raw?.find('env'),
    continueOnError: raw?.find('continue-on-error'),
    timeoutMinutes: raw?.find('timeout-minutes'),
  };
  if ('uses' in step) {
    return { ...base, kind: { $case: 'uses', uses: step.uses.value, with: raw?.find('with') } };
  }
  if (!('run' in step)) throw unsupported('a step that is neither "uses" nor "run"');
  const shell = raw?.find('shell')?.toString();
  if (shell !== undefined && shell !== 'bash' && shell !== 'sh') throw unsupported(`shell ${shell}`);
  return { ...base, kind: { $case: 'run', script: step.run, shell, workingDirectory: raw?.find('working-directory') } };
}

type Step = Extract<TemplateJob, { readonly type: 'job' }>['steps'][number] & { if?: BasicExpressionToken };
