import { appendFile, stat } from 'node:fs/promises';
import { InternalError } from '@paved/errors';
import type { ActionContext } from './action-context.js';
import { type Commands, coreCommands } from './commands.js';
import { createContext, type OwnedContext } from './context.js';
import type { ActionDefinition, InputsOf, OutputsOf } from './definition.js';
import { type Environment, forgetVariable, inputVariable, processEnvironment, readVariable } from './environment.js';
import { RefusalError } from './error.js';
import { writeOutputs } from './outputs.js';
import { pathScope } from './path-scope.js';
import { readInputs } from './read-inputs.js';
import { reportError } from './report-error.js';
import { MAX_SUMMARY_BYTES } from './summary.js';

export type Run<D extends ActionDefinition> = (inputs: InputsOf<D>, context: ActionContext) => Promise<OutputsOf<D>>;
export type Post = (context: ActionContext) => Promise<void>;

/**
 * Runs an action in this process: reads and masks its inputs, calls `run`, writes outputs and summary, and sets the exit status.
 * Never throws: a failure becomes one error annotation and status 1, and no output is written unless it is a {@link RefusalError}.
 */
export async function runAction<const D extends ActionDefinition>(definition: D, run: Run<D>): Promise<void> {
  await guarded(definition, async (context, environment, commands) => {
    const inputs = await readInputs(definition, {
      environment,
      scope: pathScope(context.runner, environment),
      onSecret(name, text) {
        context.mask(text);
        forgetVariable(inputVariable(name));
      },
    });
    let outputs: OutputsOf<D>;
    try {
      outputs = await run(inputs, context);
    } catch (error) {
      if (error instanceof RefusalError) writeOutputs(definition, error.outputs, commands, context.secrets);
      throw error;
    }
    writeOutputs(definition, outputs, commands, context.secrets);
  });
}

/** Runs the clean-up of an action after the job; what main left is in `context.state`. */
export async function runPost(definition: ActionDefinition, post: Post): Promise<void> {
  await guarded(definition, (context) => post(context));
}

type Body = (context: OwnedContext, environment: Environment, commands: Commands) => Promise<void>;

async function guarded(definition: ActionDefinition, body: Body): Promise<void> {
  const environment = processEnvironment();
  const commands = coreCommands;
  const context = createContext(definition.name, environment, commands);
  let failed = false;
  const fail = (error: unknown) => {
    process.exitCode = 1;
    if (!failed) reportError(error, commands, context.log, context.secrets);
    failed = true;
  };
  // Fails closed: status 0 is set when all is done, so an await that never settles does not end the process with success.
  process.exitCode = 1;
  const stuck = () => fail(new InternalError(`Cannot finish action "${definition.name}": it waits for nothing`));
  process.on('uncaughtException', fail).once('beforeExit', stuck);
  try {
    await body(context, environment, commands);
  } catch (error) {
    fail(error);
  }
  await writeSummary(context, environment).catch(fail);
  context.http.close();
  process.off('beforeExit', stuck);
  if (!failed) process.exitCode = 0;
}

async function writeSummary(context: OwnedContext, environment: Environment): Promise<void> {
  const path = readVariable(environment, 'GITHUB_STEP_SUMMARY');
  if (path === undefined) return;
  const used = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  const text = context.secrets.redact(context.summary.text(Math.max(0, MAX_SUMMARY_BYTES - used)));
  if (text !== '') await appendFile(path, text);
}
