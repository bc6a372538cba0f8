import type { TrustedIdentity } from '@paved/attestation';
import type { PavedConfig } from '../render/config.js';
import type { RenderedWorkflow } from '../render/workflows.js';

/** Whoever signs: each rendered workflow that has a job with `id-token: write` and uses `sign`, as certificates name it. */
export function signingIdentities(
  config: PavedConfig,
  workflows: readonly RenderedWorkflow[],
): readonly TrustedIdentity[] {
  const host = new URL(config['server-url']).host;
  return workflows
    .filter(({ text }) => /^ {6}id-token: write\b/m.test(text) && /uses: \S*\/actions\/sign\b/.test(text))
    .map(({ name }) => ({
      issuer: config['oidc-issuer'],
      workflowPath: `${host}/${config.repository}/.github/workflows/${name}`,
    }));
}
