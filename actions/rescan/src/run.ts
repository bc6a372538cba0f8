import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';

/** Each mode is loaded when it is asked for: reading SBOMs and telling people share little, and every run pays for start-up. */
export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  if (inputs.mode === 'fetch') {
    const { fetchSboms } = await import('./fetch-sboms.js');
    return await fetchSboms(inputs, context);
  }
  const { notify } = await import('./notify.js');
  return await notify(inputs, context);
}
