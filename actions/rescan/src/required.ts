import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { RescanError } from './error.js';

type Inputs = InputsOf<typeof definition>;

/** @throws {RescanError} `INPUT_INVALID` when the mode needs an input that is not set */
export function required<K extends keyof Inputs>(inputs: Inputs, name: K): NonNullable<Inputs[K]> {
  const value = inputs[name];
  if (value === undefined)
    throw new RescanError('INPUT_INVALID', `Cannot rescan: ${name} is not set`, {
      hint: 'Set the input that is named',
    });
  return value as NonNullable<Inputs[K]>;
}
