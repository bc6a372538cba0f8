import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'rescan',
  purpose: 'Fetches the verified SBOMs of a published digest, and tells the owner what the gate now says about it',
  inputs: {
    mode: input.choice(['fetch', 'notify'], {
      description: '`fetch` reads and verifies the stored SBOMs, `notify` opens or updates issues from a verdict',
      required: true,
    }),
    image: input.string({ description: 'fetch: reference by digest, registry/repository@sha256:...' }),
    'trusted-root': input.document({ description: 'fetch: trusted root, as JSON or path' }),
    issuer: input.url({ description: 'fetch: OIDC issuer of the signer' }),
    'workflow-path': input.list({
      description: 'fetch: workflows that may have signed, owner/repository/.github/workflows/file.yml, one per line',
    }),
    'signer-digests': input.list({ description: 'fetch: released commits of that workflow, one per line' }),
    'repository-id': input.string({ description: 'fetch: numeric id of the source repository' }),
    'owner-id': input.string({ description: 'fetch: numeric id of its owner' }),
    'runner-environment': input.choice(['github-hosted', 'self-hosted'], {
      description: 'fetch: machines that the signer ran on',
      default: 'github-hosted',
    }),
    'registry-config': input.path({ description: 'fetch: credentials, as oidc-login writes them' }),
    'plain-http': input.boolean({ description: 'fetch: speak http to a host that is not loopback', default: false }),
    'verdict-path': input.path({ description: 'notify: verdict.json of scan-gate' }),
    'facts-path': input.path({ description: 'notify: facts.json of fetch' }),
    'github-token': input.secret({ description: 'notify: token with issues: write' }),
    'owner-path': input.string({
      description: 'notify: path whose owner in CODEOWNERS owns the artifact',
      default: 'package.json',
    }),
    'max-delay': input.duration({
      description: 'notify: longest time between an entry in the KEV catalogue and the issue',
      default: '24h',
    }),
  },
  outputs: {
    'sboms-path': output('fetch: folder with the verified SBOMs'),
    'subject-digest': output('fetch: digest that the SBOMs describe'),
    'subject-name': output('fetch: repository of the image'),
    'facts-path': output('fetch: what was verified, JSON'),
    'receipt-path': output('notify: receipt, JSON; written also when it is late'),
    'metrics-path': output('notify: times to detect and to remediate, debt ratio, coverage, JSON'),
  },
  permissions: { contents: 'read', issues: 'write' },
  hosts: ['the registry of the image', "the server's API"],
  writes: ['RUNNER_TEMP/paved/rescan'],
  example: `- uses: $/actions/rescan
  with:
    mode: fetch
    image: ghcr.io/octo/app@sha256:0000000000000000000000000000000000000000000000000000000000000000
    trusted-root: trust/public-good.json
    issuer: https://token.actions.githubusercontent.com
    workflow-path: org/paved/.github/workflows/release-artifact.yml
    signer-digests: 0000000000000000000000000000000000000000
    repository-id: 1
    owner-id: 2`,
  internal: true,
});
