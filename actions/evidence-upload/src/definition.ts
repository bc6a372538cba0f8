import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'evidence-upload',
  purpose: 'Assembles the evidence of a release into one signed pack and stores it where it cannot be overwritten',
  inputs: {
    mode: input.choice(['pack', 'upload', 'all'], {
      description: 'pack: assemble; upload: check and store; all: both at once, only for packs without signatures',
      required: true,
    }),
    name: input.string({ description: 'Name of the artifact, part of every file name and of the key', required: true }),
    architecture: input.string({ description: 'Architecture of the artifact', default: 'noarch' }),
    sboms: input.paths({ description: 'CycloneDX and SPDX documents, as files or folders' }),
    'bundles-path': input.path({ description: 'Folder of bundles with its index.json, from sign' }),
    attestations: input.paths({ description: 'Further bundles' }),
    scans: input.paths({ description: 'Verdict and reports, as files or folders' }),
    logs: input.paths({ description: 'Logs and records, as files or folders' }),
    'trusted-root': input.document({
      description:
        'trusted_root.json that the bundles verify with; kept in the pack, so that they can be verified later',
    }),
    'pack-path': input.path({ description: 'Folder that mode: pack wrote, after sign has signed its files' }),
    store: input.string({
      description: 'run: keep it with the run; file:///path: create-only directory, one folder for each pack',
      default: 'run',
    }),
    'github-attestations': input.boolean({
      description: "Also put the bundles of the pack into GitHub's attestation store; needs attestations: write",
      default: false,
    }),
    'storage-image': input.string({
      description:
        'registry/repository@sha256:... that the artifact is kept as; recorded with GitHub, needs artifact-metadata: write',
    }),
    'github-token': input.secret({ description: "Token for GitHub's store; sent to the API of this server alone" }),
    'allow-unsigned': input.boolean({
      description: 'Accept files without .sig and .sigstore.json; the summary says so',
      default: false,
    }),
  },
  outputs: {
    'pack-path': output('Folder of the pack'),
    'manifest-path': output('Its manifest.json'),
    'attestation-ids': output("Ids in GitHub's attestation store, one per line"),
    location: output('Where the pack is stored: run, or a file: URL'),
  },
  permissions: {},
  hosts: ['the API of this GitHub server, where its store is asked for'],
  writes: ['RUNNER_TEMP/paved/evidence-upload', 'the directory that store names'],
  example: `- uses: org/paved/evidence-upload@v1
  with:
    mode: upload
    name: widget
    pack-path: \${{ steps.pack.outputs.pack-path }}
    store: file:///mnt/evidence`,
});
