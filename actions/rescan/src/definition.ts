import { defineAction, input, JOB_TOKEN_AUTHOR, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'rescan',
  purpose:
    'Finds published digests, fetches their verified SBOMs, and tells the owner what the gate now says about them',
  inputs: {
    mode: input.choice(['plan', 'fetch', 'record', 'notify'], {
      description:
        '`plan` finds the digests, `fetch` reads and verifies the stored SBOMs of one, `record` keeps its verdict, `notify` opens, updates and closes issues from all records',
      required: true,
    }),
    images: input.string({
      description: 'plan: repositories (registry/repository) or references by digest, as a JSON list or one per line',
    }),
    keep: input.integer({
      description: 'plan: how many of the newest versions of a repository are looked at',
      default: 10,
      min: 1,
      max: 256,
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
    'registry-config': input.path({ description: 'plan, fetch: credentials, as oidc-login writes them' }),
    'plain-http': input.boolean({
      description: 'plan, fetch: speak http to a host that is not loopback',
      default: false,
    }),
    'verdict-path': input.path({ description: 'record: verdict.json of scan-gate' }),
    'facts-path': input.path({ description: 'record: facts.json of fetch' }),
    'plan-path': input.path({ description: 'notify: rescan-plan.json of plan' }),
    'records-path': input.path({ description: 'notify: folder with the records of all legs' }),
    'github-token': input.secret({ description: 'notify: token with issues: write' }),
    author: input.string({
      description:
        'notify: login that the token writes under, for an App its name and [bot]; issues of anybody else are neither believed nor touched',
      default: JOB_TOKEN_AUTHOR,
    }),
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
    images: output('plan: references by digest, as a JSON list for a matrix'),
    'plan-path': output('plan: what is looked at, JSON'),
    'sboms-path': output('fetch: folder with the verified SBOMs'),
    'subject-digest': output('fetch: digest that the SBOMs describe'),
    'subject-name': output('fetch: repository of the image'),
    'facts-path': output('fetch: what was verified, JSON'),
    'record-path': output('record: verdict and facts, JSON'),
    'receipt-path': output('notify: receipt, JSON; written also when it is late'),
    'metrics-path': output('notify: times to detect and to remediate, debt ratio, coverage, JSON'),
    'next-version': output(
      'notify: next patch version, when everything in the newest release has a fix; of one artifact',
    ),
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
