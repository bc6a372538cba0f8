import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'sign',
  purpose: 'Signs statements, SBOMs and files in one session and writes Sigstore bundles',
  inputs: {
    statements: input.paths({
      description: 'Statements that provenance, scan-gate or verify wrote in this job; no others are taken',
    }),
    sboms: input.paths({
      description: 'Raw CycloneDX or SPDX documents, or folders of them; the statement around each is built here',
    }),
    blobs: input.paths({
      description: 'Files to sign as they are; each gets <file>.sigstore.json and <file>.sig beside it',
    }),
    'subjects-path': input.path({ description: 'Folder of the files that SBOMs are about; digests are computed here' }),
    'image-name': input.string({ description: 'Name of the image or OCI artifact, without tag' }),
    'image-digest': input.digest({ description: 'Digest of its manifest, from the layout, never from a tag' }),
    'image-signature': input.boolean({
      description: 'Also make the signature that cosign verify looks for, when image-digest is set',
      default: true,
    }),
    'fulcio-url': input.url({
      description: 'Certificate authority; the only host that gets the token',
      required: true,
    }),
    'rekor-url': input.url({ description: 'Transparency log with the v2 API; needed unless transparency is off' }),
    'tsa-url': input.url({ description: 'Timestamp authority (RFC 3161)', required: true }),
    'oidc-audience': input.string({ description: 'Audience of the identity token', default: 'sigstore' }),
    'server-url': input.url({
      description: 'GitHub server that the instance writes into certificates',
      default: 'https://github.com',
    }),
    'trusted-root': input.document({
      description: 'trusted_root.json of the instance; with it, every bundle is verified before it is written',
    }),
    transparency: input.choice(['required', 'preferred', 'off'], {
      description: 'What happens when the log cannot be reached; what happened stands in the index',
      default: 'required',
    }),
    'expected-workflow-path': input.string({
      description: 'Workflow file that this job must be part of: owner/name/.github/workflows/file.yml',
    }),
    'expected-workflow-sha': input.string({ description: 'Commit of that file: job.workflow_sha' }),
    'predicate-path': input.path({
      description: 'Standalone: JSON file with the predicate of a statement of your own',
    }),
    'predicate-type': input.string({ description: 'Standalone: type URI of that predicate' }),
  },
  outputs: {
    'bundles-path': output('Folder with one bundle for each statement and file, and index.json'),
    'certificate-identity': output('Subject alternative name of the certificate'),
  },
  permissions: { 'id-token': 'write' },
  hosts: ['the Fulcio, Rekor and timestamp servers that the inputs name'],
  writes: ['RUNNER_TEMP/paved/sign', 'beside each file of blobs'],
  example: `- uses: org/paved/sign@v1
  with:
    blobs: out/*.tar.gz
    fulcio-url: https://fulcio.sigstore.dev
    rekor-url: https://log2025-1.rekor.sigstore.dev
    tsa-url: https://timestamp.sigstore.dev/api/v1/timestamp`,
});
