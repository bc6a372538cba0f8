import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { fetchSboms } from './fetch-sboms.js';
import { notify } from './notify.js';

export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  return inputs.mode === 'fetch' ? await fetchSboms(inputs, context) : await notify(inputs, context);
}
