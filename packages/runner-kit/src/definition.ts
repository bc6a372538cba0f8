import { InternalError } from '@paved/errors';
import type { InputDeclaration } from './input.js';

/** Description of one output; its value is always a string. */
export interface OutputDeclaration {
  readonly description: string;
}

export function output(description: string): OutputDeclaration {
  return { description };
}

export type InputDeclarations = Readonly<Record<string, InputDeclaration<unknown>>>;
export type OutputDeclarations = Readonly<Record<string, OutputDeclaration>>;

/** What action.yml, README and catalog are generated from, and what the run is held to. Data only. */
export interface ActionDefinition<
  I extends InputDeclarations = InputDeclarations,
  O extends OutputDeclarations = OutputDeclarations,
> {
  /** Name of the folder under actions/, kebab-case. */
  readonly name: string;
  /** One line, no full stop. */
  readonly purpose: string;
  readonly inputs: I;
  readonly outputs: O;
  /** Permissions that the calling job must grant. */
  readonly permissions: Readonly<Record<string, 'read' | 'write'>>;
  /** Hosts that the action talks to, as host names or as a sentence that says where they come from. */
  readonly hosts: readonly string[];
  /** Folders that it writes to. */
  readonly writes: readonly string[];
  /** YAML of one step. */
  readonly example: string;
  /** Whether src/post.ts exists. */
  readonly post?: boolean;
  /** Used by paved's own workflows alone; its inputs may change without notice. */
  readonly internal?: boolean;
}

/** Values of an action's inputs by name, after their codecs. */
export type InputsOf<D> =
  D extends ActionDefinition<infer I, OutputDeclarations>
    ? { readonly [K in keyof I]: I[K] extends InputDeclaration<infer T> ? T : never }
    : never;

/** What a run returns: any of the declared outputs. An absent or `undefined` one is not written. */
export type OutputsOf<D> =
  D extends ActionDefinition<InputDeclarations, infer O> ? { readonly [K in keyof O]?: string | undefined } : never;

const DEFINED = new WeakSet<object>();
const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Checks the declaration once, when the module loads. @throws {InternalError} for a declaration that breaks the house rules */
export function defineAction<const I extends InputDeclarations, const O extends OutputDeclarations>(
  definition: ActionDefinition<I, O>,
): ActionDefinition<I, O> {
  const refuse = (state: string) => new InternalError(`Cannot define action "${definition.name}": ${state}`);
  for (const name of [definition.name, ...Object.keys(definition.inputs), ...Object.keys(definition.outputs)]) {
    if (!KEBAB.test(name)) throw refuse(`"${name}" is not kebab-case`);
  }
  if (/[.\n]$/.test(definition.purpose) || definition.purpose.includes('\n')) {
    throw refuse('the purpose is not one line without a full stop');
  }
  for (const [name, declared] of Object.entries(definition.inputs)) {
    if (declared.description.trim() === '') throw refuse(`input "${name}" has no description`);
    if (declared.required && declared.default !== undefined)
      throw refuse(`input "${name}" is required and has a default`);
  }
  DEFINED.add(definition);
  return definition;
}

/** Whether `value` came from {@link defineAction}: for the toolchain, which imports definitions by path. */
export function isActionDefinition(value: unknown): value is ActionDefinition {
  return typeof value === 'object' && value !== null && DEFINED.has(value);
}
