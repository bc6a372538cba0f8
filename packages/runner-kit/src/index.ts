export type { ActionContext, State } from './action-context.js';
export { assertWrittenBy, isWrittenBy, JOB_TOKEN_AUTHOR } from './author.js';
export { parseDuration } from './codecs.js';
export {
  type ActionDefinition,
  defineAction,
  type InputDeclarations,
  type InputsOf,
  isActionDefinition,
  type OutputDeclaration,
  type OutputDeclarations,
  type OutputsOf,
  output,
} from './definition.js';
export { RefusalError, type RefusalOptions, RunnerError, type RunnerErrorCode } from './error.js';
export type { EventFields, EventLog, EventValue } from './events.js';
export { type InputDeclaration, type InputKind, input } from './input.js';
export type { Log } from './log.js';
export { escapeMarkdown } from './markdown.js';
export type { PathScope } from './path-scope.js';
export { type Post, type Run, runAction, runPost } from './run-action.js';
export type { FactName, RunnerFacts } from './runner-facts.js';
export type { Summary } from './summary.js';
