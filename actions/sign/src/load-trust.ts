import type { ActionContext, InputsOf } from '@paved/runner-kit';
import { type InstanceTrust, loadPublicGoodTrust, loadTufTrust } from '@paved/sigstore/tuf';
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
  const { instance } = inputs;
  const [url, root, cachePath] = [inputs['tuf-url']?.href, inputs['tuf-root'], inputs['trust-cache']];
  if ((url === undefined) !== (root === undefined) || (url !== undefined && instance !== 'custom')) {
    throw new SignError('INPUT_INVALID', 'Cannot choose the update repository: tuf-url and tuf-root go together', {
      hint: 'Give both, and instance "custom"',
    });
  }
  const options = { http, ...(cachePath === undefined ? {} : { cachePath }) };
  if (url !== undefined && root !== undefined) {
    return await loadTufTrust({ ...options, repository: { url, root: Buffer.from(root) } });
  }
  const isNeeded = inputs['signing-config'] === undefined || inputs['trusted-root'] === undefined;
  if (instance !== 'public-good' || !isNeeded) return undefined;
  const trust = await loadPublicGoodTrust({ ...options, updates: inputs['trust-updates'] });
  if (trust.unavailable !== undefined) {
    log.warning('The update repository of the instance cannot be reached; the embedded trusted root is used');
  }
  const unavailable = trust.unavailable === undefined ? {} : { code: trust.unavailable.code };
  events.emit({ stage: 'sign', event: 'trust-loaded', source: trust.source, ...unavailable });
  return trust;
}
