import type { ActionContext, InputsOf } from '@paved/runner-kit';
import {
  HALF_REPOSITORY,
  HALF_REPOSITORY_HINT,
  type InstanceTrust,
  isTrustChoice,
  loadChosenTrust,
} from '@paved/sigstore/tuf';
import type { definition } from './definition.js';
import { SignError } from './error.js';

/**
 * What an update repository says about the instance: that of public-good, or one that the inputs name.
 * @throws {SignError} `INPUT_INVALID` for half a repository
 */
export async function loadTrust(
  inputs: InputsOf<typeof definition>,
  { http, log, events }: ActionContext,
): Promise<InstanceTrust | undefined> {
  const choice = {
    instance: inputs.instance,
    tufUrl: inputs['tuf-url']?.href,
    tufRoot: inputs['tuf-root'],
    updates: inputs['trust-updates'],
    cachePath: inputs['trust-cache'],
  };
  if (!isTrustChoice(choice)) throw new SignError('INPUT_INVALID', HALF_REPOSITORY, { hint: HALF_REPOSITORY_HINT });
  const isNeeded = inputs['signing-config'] === undefined || inputs['trusted-root'] === undefined;
  if (choice.tufUrl === undefined && !isNeeded) return undefined;
  return await loadChosenTrust(choice, {
    http,
    log,
    onLoaded: (loaded) => events.emit({ stage: 'sign', event: 'trust-loaded', ...loaded }),
  });
}
