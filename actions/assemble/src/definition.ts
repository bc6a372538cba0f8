import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'assemble',
  purpose:
    'Puts the image layouts of several build machines together into one index, each held to the platform of its leg',
  inputs: {
    'legs-path': input.path({
      description: 'Folder with one folder for each leg, as handoff receives them (mode receive-legs)',
      required: true,
    }),
    platforms: input.list({
      description: 'Platforms of the legs, one per line; each has a folder of its own, and no other folder is there',
      required: true,
    }),
    layout: input.string({
      description: 'Layout within the folder of each leg: a folder, or a .tar of one; the folder itself by default',
      default: '.',
    }),
  },
  outputs: {
    'layout-path': output('Folder of the layout with every image, and nothing else that the legs had'),
    digest: output('Digest of the index'),
  },
  permissions: {},
  hosts: [],
  writes: ['RUNNER_TEMP/paved/assemble'],
  example: `- uses: $/actions/assemble
  with:
    legs-path: \${{ steps.artifact.outputs.path }}
    platforms: |
      linux/amd64
      linux/arm64`,
  internal: true,
});
