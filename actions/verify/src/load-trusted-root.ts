import type { ActionContext, InputsOf } from '@paved/runner-kit';
import { parseTrustedRoot, type TrustedRoot } from '@paved/sigstore';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';

/**
 * The trusted root that was given, or that of the update repository which the inputs name; never one that nobody named.
 * @throws {VerifyError} `INPUT_INVALID` unless it is named once; {SigstoreError} `TRUSTED_ROOT_MALFORMED`, `TUF_*`
 */
export async function loadTrustedRoot(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<TrustedRoot> {
  const { instance } = inputs;
  const [given, tufUrl, tufRoot] = [inputs['trusted-root'], inputs['tuf-url']?.href, inputs['tuf-root']];
  const isRepository = instance !== 'custom' || tufUrl !== undefined || tufRoot !== undefined;
  if ((given === undefined) !== isRepository) {
    throw new VerifyError('INPUT_INVALID', 'Cannot choose the trusted root: it must be named once', {
      hint: 'Give one of trusted-root, instance "public-good", and tuf-url with tuf-root',
    });
  }
  if (given !== undefined) return parseTrustedRoot(given);
  // Loaded here, so that who gives the root pays nothing for the way to update it.
  const { HALF_REPOSITORY, HALF_REPOSITORY_HINT, isTrustChoice, loadChosenTrust } = await import('@paved/sigstore/tuf');
  const choice = { instance, tufUrl, tufRoot, updates: inputs['trust-updates'], cachePath: inputs['trust-cache'] };
  const trust = isTrustChoice(choice) ? await loadChosenTrust(choice, loadingContext(context)) : undefined;
  if (trust === undefined) throw new VerifyError('INPUT_INVALID', HALF_REPOSITORY, { hint: HALF_REPOSITORY_HINT });
  return parseTrustedRoot(trust.trustedRoot);
}

function loadingContext({ http, log, events }: ActionContext) {
  const onLoaded = (loaded: { readonly source: string; readonly code?: string }) =>
    events.emit({ stage: 'verify', event: 'trust-loaded', ...loaded });
  return { http, log, onLoaded };
}
