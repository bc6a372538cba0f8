import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'seal',
  purpose: 'States, signs, pushes and keeps the evidence of a release in one step of a job of your own',
  inputs: {
    'subjects-path': input.path({ description: 'Folder of the files to release', required: true }),
    name: input.string({ description: 'Name of the artifact, the last part of its repository', required: true }),
    version: input.string({ description: 'Version of the release, which is also its tag', required: true }),
    sboms: input.paths({ description: 'CycloneDX and SPDX documents about the files, from sbom', required: true }),
    scans: input.paths({ description: 'Verdict and reports for the evidence' }),
    'fetch-record-path': input.path({ description: 'Folder that hermetic-build (fetch) wrote', required: true }),
    'build-record-path': input.path({ description: 'Folder that hermetic-build (build) wrote', required: true }),
    'workflow-inputs': input.string({ description: "All inputs of the workflow: 'toJSON(inputs)'", default: '{}' }),
    'needs-results': input.string({ description: "Results of the needed jobs: 'toJSON(needs)'", required: true }),
    'build-jobs': input.list({ description: 'Names of the jobs that built', required: true }),
    'workflow-path': input.string({
      description: 'The workflow that this job is part of: owner/name/.github/workflows/file.yml',
      required: true,
    }),
    'workflow-sha': input.string({ description: 'Commit of that file: job.workflow_sha', required: true }),
    'registry-config': input.path({ description: 'Credential file that oidc-login wrote', required: true }),
    tags: input.list({ description: 'Further tags, one per line' }),
    'allow-tags': input.list({ description: 'Those of them that name no version, such as latest' }),
    'github-token': input.secret({ description: 'Token with actions: read', required: true }),
  },
  outputs: {
    digest: output('Digest of the OCI manifest that was released'),
    reference: output('Full reference by digest'),
    'pack-path': output('Folder of the evidence pack'),
  },
  permissions: { 'id-token': 'write', actions: 'read', packages: 'write' },
  hosts: [
    'the Sigstore instance and the registry of paved.config.yml',
    'the issuer of the job token',
    'the API of this GitHub server',
  ],
  writes: ['RUNNER_TEMP/paved'],
  example: `- uses: org/paved/seal@v1
  with:
    subjects-path: \${{ steps.artifact.outputs.path }}
    name: tool
    version: \${{ github.ref_name }}
    sboms: \${{ steps.sbom.outputs.sboms-path }}
    fetch-record-path: \${{ steps.fetch-record.outputs.path }}
    build-record-path: \${{ steps.build-record.outputs.path }}
    needs-results: \${{ toJSON(needs) }}
    build-jobs: build
    workflow-path: acme/example/.github/workflows/release.yml
    workflow-sha: \${{ job.workflow_sha }}
    registry-config: \${{ steps.login.outputs.registry-config }}
    github-token: \${{ github.token }}`,
});
