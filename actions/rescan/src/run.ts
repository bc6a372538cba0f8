import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';

/** Each mode is loaded when it is asked for: they share little, and every run pays for start-up. */
export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  switch (inputs.mode) {
    case 'plan':
      return await (await import('./plan.js')).plan(inputs, context);
    case 'fetch':
      return await (await import('./fetch-sboms.js')).fetchSboms(inputs, context);
    case 'record':
      return await (await import('./record.js')).record(inputs, context);
    case 'notify':
      return await (await import('./notify.js')).notify(inputs, context);
  }
}
