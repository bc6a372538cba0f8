import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'publish',
  purpose: 'Publishes a GitHub release once every asset was read back with its digest',
  inputs: {
    files: input.paths({ description: 'Assets: files or patterns', required: true }),
    tag: input.string({ description: 'Tag of the release, vX.Y.Z; it must exist already', required: true }),
    notes: input.string({ description: 'Text of the release', default: '' }),
    'github-token': input.secret({ description: 'Token with contents: write', required: true }),
  },
  outputs: {
    'release-id': output('Id of the release'),
    url: output('Address of the release'),
  },
  permissions: { contents: 'write' },
  hosts: ['the API of the server of this run, and its uploads host'],
  writes: ['RUNNER_TEMP/paved/events'],
  example: `- uses: $/actions/publish
  with:
    files: \${{ steps.evidence.outputs.path }}/**
    tag: \${{ inputs.tag }}
    github-token: \${{ github.token }}`,
  internal: true,
});
