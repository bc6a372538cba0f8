import type { ActionDefinition, InputsOf } from './definition.js';
import { type Environment, inputVariable } from './environment.js';
import { RunnerError } from './error.js';
import type { InputDeclaration } from './input.js';
import type { PathScope } from './path-scope.js';

/** Control characters but tab, line feed and carriage return have no place in an input. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

export interface InputSource {
  readonly environment: Environment;
  readonly scope: PathScope;
  /** Called with the name and text of a secret before any input is parsed, so that no error can show it. */
  readonly onSecret: (name: string, text: string) => void;
}

/**
 * Reads and parses every declared input; the first that is wrong fails the action.
 * @throws {RunnerError} `INPUT_MISSING`, `INPUT_INVALID`, `INPUT_PATH_OUTSIDE`, `INPUT_PATH_UNMATCHED`, `INPUT_DOCUMENT_UNREADABLE`
 */
export async function readInputs<D extends ActionDefinition>(definition: D, source: InputSource): Promise<InputsOf<D>> {
  const texts = new Map<string, string>();
  for (const [name, declared] of Object.entries(definition.inputs)) {
    const text = (source.environment[inputVariable(name)] ?? '').trim();
    texts.set(name, text);
    if (declared.kind === 'secret' && text !== '') source.onSecret(name, text);
  }
  const values: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(definition.inputs)) {
    values[name] = await readInput(name, declared, texts.get(name) ?? '', source.scope);
  }
  return values as InputsOf<D>;
}

async function readInput(
  name: string,
  declared: InputDeclaration<unknown>,
  given: string,
  scope: PathScope,
): Promise<unknown> {
  if (CONTROL.test(given)) {
    throw new RunnerError('INPUT_INVALID', `Cannot read input "${name}": it contains a control character`, {
      hint: `Set ${name} to plain text`,
    });
  }
  const text = given === '' ? declared.default : given;
  if (text !== undefined) return await declared.parse(name, text, scope);
  if (!declared.required) return undefined;
  throw new RunnerError('INPUT_MISSING', `Cannot run without input "${name}": it is required and empty`, {
    hint: `Add "${name}:" under "with:" of the step`,
  });
}
