import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'sbom',
  purpose: 'Writes CycloneDX and SPDX documents from what the fetch phase recorded',
  inputs: {
    'fetch-manifest': input.path({ description: 'fetch-manifest.json of hermetic-build', required: true }),
    'subject-path': input.path({ description: 'File or folder that is released; its digests are computed here' }),
    'subject-digest': input.digest({ description: 'Digest of the image that is released, instead of files' }),
    name: input.string({ description: 'Name of the release (default: the name of the root package)' }),
    version: input.string({ description: 'Version of the release (default: the version of the root package)' }),
    'component-type': input.choice(['application', 'container', 'library'], {
      description: 'What is released',
      default: 'application',
    }),
    supplier: input.string({ description: 'Who makes it (default: the owner of the repository)' }),
    created: input.string({ description: 'RFC 3339 time of the documents (default: the time of the fetch phase)' }),
  },
  outputs: {
    'sboms-path': output('Folder with both documents'),
    'cyclonedx-path': output('CycloneDX 1.6, JSON'),
    'spdx-path': output('SPDX 2.3, JSON'),
  },
  permissions: {},
  hosts: [],
  writes: ['RUNNER_TEMP/paved/sbom'],
  example: `uses: org/paved/sbom@v1
with:
  fetch-manifest: \${{ steps.fetch.outputs.record-path }}/fetch-manifest.json
  subject-path: dist
`,
});
