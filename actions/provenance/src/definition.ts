import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'provenance',
  purpose: 'States who built what from which commit, after it has checked the job token, the run and its build jobs',
  inputs: {
    'build-type': input.choice(['release-artifact', 'github-workflow'], {
      description: "github-workflow: exactly the fields of GitHub's own build type, and nothing of the build records",
      default: 'release-artifact',
    }),
    'subjects-path': input.path({ description: 'Folder of the files to describe; their digests are computed here' }),
    checksums: input.document({
      description:
        'File in the form of SHA256SUMS; what it names are subjects besides those of subjects-path, such as the manifests ' +
        'below an index that push lists in mode layout',
    }),
    'image-name': input.string({ description: 'Name of the image or OCI artifact, without tag' }),
    'image-digest': input.digest({ description: 'Digest of its manifest, from the layout' }),
    'fetch-record-path': input.path({
      description: 'Folder with the fetch manifest and the isolation report of hermetic-build; for release-artifact',
    }),
    'build-record-path': input.path({
      description: 'Build record of hermetic-build, or the folder that holds it; for release-artifact',
    }),
    platforms: input.list({
      description:
        'Platforms that were built on machines of their own, one per line; fetch-record-path and build-record-path then have a folder for each, as handoff receives legs',
    }),
    'workflow-inputs': input.string({
      description: "All inputs of the workflow: 'toJSON(inputs)'; for release-artifact",
    }),
    'needs-results': input.string({ description: "Results of the needed jobs: 'toJSON(needs)'", required: true }),
    byproducts: input.paths({ description: 'SBOMs, verdict and reports, as files or folders; recorded by digest' }),
    tools: input.document({ description: 'Locked tools of the build: {"tools": [{name, version, sha256}]}' }),
    'github-token': input.secret({
      description: 'Token with actions: read; sent to the API of this server alone',
      required: true,
    }),
    'build-jobs': input.list({
      description: 'Names of the jobs that built, as the reusable workflow names them',
      required: true,
    }),
    'oidc-issuer': input.url({
      description: 'Issuer of the job token',
      default: 'https://token.actions.githubusercontent.com',
    }),
    'expected-workflow-path': input.string({
      description: 'Workflow file that this job must be part of: owner/name/.github/workflows/file.yml',
      required: true,
    }),
    'expected-workflow-sha': input.string({ description: 'Commit of that file: job.workflow_sha', required: true }),
    'allowed-events': input.list({
      description: 'Events that may release, one per line or separated by spaces',
      default: ['push', 'workflow_dispatch', 'schedule'],
    }),
    'require-protected-ref': input.boolean({ description: 'Refuse a ref that is not protected', default: true }),
    'allow-self-hosted': input.boolean({
      description: 'Accept build jobs on self-hosted runners; the provenance states it, and it is no Build L3',
      default: false,
    }),
    rehearsal: input.boolean({
      description:
        'Try the step without a token: only in a job without id-token, and marked so that every verification refuses it',
      default: false,
    }),
    'hosted-runner-groups': input.list({
      description: 'Runner groups that GitHub operates; larger runners have groups of their own',
      default: ['GitHub Actions'],
    }),
  },
  outputs: {
    'statement-path': output('Statement to sign; one path per line when there are more than 1,024 subjects'),
    'claims-path': output('Claims of the job token and what each was compared with'),
    'builder-id': output('Builder id of the provenance'),
  },
  permissions: { 'id-token': 'write', actions: 'read' },
  hosts: ['the issuer of the job token', 'the API of this GitHub server'],
  writes: ['RUNNER_TEMP/paved/provenance'],
  example: `- uses: org/paved/provenance@v1
  with:
    subjects-path: \${{ steps.artifact.outputs.path }}
    fetch-record-path: \${{ steps.fetch-record.outputs.path }}
    build-record-path: \${{ steps.build-record.outputs.path }}
    workflow-inputs: \${{ toJSON(inputs) }}
    needs-results: \${{ toJSON(needs) }}
    github-token: \${{ github.token }}
    build-jobs: build
    expected-workflow-path: org/paved/.github/workflows/release-artifact.yml
    expected-workflow-sha: \${{ job.workflow_sha }}`,
});
