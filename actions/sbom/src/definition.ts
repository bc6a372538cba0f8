import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'sbom',
  purpose: 'Writes CycloneDX and SPDX documents from what was fetched, lock files and documents of scanners',
  inputs: {
    'fetch-manifest': input.paths({
      description: 'fetch-manifest.json of hermetic-build; several, one per line, where machines of their own built',
    }),
    lockfiles: input.paths({ description: 'Lock files of the project; the kind is known by the file name' }),
    documents: input.paths({
      description: 'Existing documents to merge: CycloneDX 1.5 to 1.7, SPDX 2.3, or the JSON of syft',
    }),
    'subject-path': input.path({ description: 'File or folder that is released; its digests are computed here' }),
    'subject-digest': input.digest({ description: 'Digest of the image that is released, instead of files' }),
    platform: input.string({
      description: 'os/architecture[/variant] of the image that subject-digest names, for a child of an index',
    }),
    name: input.string({ description: 'Name of the release (default: the name of the root package)' }),
    version: input.string({ description: 'Version of the release (default: the version of the root package)' }),
    'component-type': input.choice(['application', 'container', 'library'], {
      description: 'What is released',
      default: 'application',
    }),
    supplier: input.string({ description: 'Who makes it (default: the owner of the repository)' }),
    created: input.string({
      description:
        'RFC 3339 time of the documents (default: the time of the fetch phase, else the latest of the documents)',
    }),
    'cyclonedx-version': input.choice(['1.5', '1.6', '1.7'], {
      description: 'Version of CycloneDX that is written',
      default: '1.6',
    }),
    'score-profile': input.choice(['cisa-2025', 'ntia-2021'], {
      description: 'Minimum elements that the document is scored by (CISA: the draft of August 2025)',
      default: 'cisa-2025',
    }),
    'minimum-grade': input.choice(['A', 'B', 'C', 'D', 'F'], {
      description: 'Grade below which the step fails; F asks for nothing',
      default: 'F',
    }),
    'snapshot-manifest': input.string({
      description: 'Path of the manifest in the repository; writes a dependency snapshot for it, which is not sent',
    }),
  },
  outputs: {
    'sboms-path': output('Folder with both documents, each below 16 MiB'),
    'cyclonedx-path': output('CycloneDX, JSON'),
    'spdx-path': output('SPDX 2.3, JSON'),
    'score-path': output('Score, element by element, JSON'),
    grade: output('Grade, A to F'),
    'whole-path': output('Folder with the untrimmed documents, named by digest; empty when nothing was trimmed'),
    'snapshot-path': output('Dependency snapshot, where snapshot-manifest asked for one'),
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
