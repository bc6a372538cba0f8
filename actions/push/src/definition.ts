import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'push',
  purpose: 'Pushes an OCI artifact by digest with its signatures, reads it back, and tags it last',
  inputs: {
    mode: input.choice(['layout', 'content', 'tag', 'all', 'rehearse'], {
      description:
        'layout: build or check a layout and contact nothing; content: push by digest with referrers, never a tag; ' +
        'tag: compare what the registry has, then tag; all: everything in one step; ' +
        'rehearse: all into a new layout that is read back, with every check that needs no registry, and contact nothing',
      default: 'all',
    }),
    files: input.paths({
      description: 'Files of the artifact, one layer each; their names are relative to their deepest common folder',
    }),
    'layout-path': input.paths({
      description:
        'OCI image layout to push instead of files: a folder, a tar of one, or what docker save wrote, plain or compressed with ' +
        'gzip or zstd; several, one per line, become one index over their platforms',
    }),
    'max-archive-bytes': input.integer({
      description: 'Limit of what a compressed archive may decompress to; it is written to one file in RUNNER_TEMP',
      default: 17_179_869_184,
      min: 1,
    }),
    from: input.string({
      description: 'Image to copy instead, with all its referrers: registry/repository@sha256:...',
    }),
    digest: input.digest({
      description: 'Digest that the layout must have; chooses one when its index.json names several manifests',
    }),
    'artifact-type': input.string({
      description: 'Type of an artifact that is made of files',
      default: 'application/vnd.paved.files.v1',
    }),
    annotations: input.list({
      description:
        'Annotations of an artifact that is made of files, or of an index over several layouts, as key=value',
    }),
    registry: input.string({ description: 'One registry host, with port if it has one; no path' }),
    repository: input.string({ description: 'Repository inside the registry, without host; upper case is lowered' }),
    targets: input.list({
      description:
        'Instead of registry and repository: several, one registry/repository per line, pushed to in parallel',
    }),
    'must-succeed': input.string({
      description:
        'How many targets must succeed: all, any, or a number; no target gets a tag before that many have the content',
      default: 'all',
    }),
    version: input.string({ description: 'Version for {version} in tags' }),
    tags: input.list({
      description:
        'Tags, one per line; each must be a full version or a commit. {version} is the version; a line with {arch} or {os} tags ' +
        'each image, any other the whole. With version and without tags: {version} for the whole, {version}-{arch} for images',
    }),
    'allow-tags': input.list({ description: 'Tags that name no version and are wanted all the same, such as latest' }),
    'move-tag': input.boolean({ description: 'Move a tag that names another digest', default: false }),
    'bundles-path': input.paths({
      description:
        'Folders with an index.json of Sigstore bundles, as sign writes them; bundles of other artifacts stay out',
    }),
    require: input.list({
      description:
        'What must be signed about the artifact, and about each manifest of an index, before it gets a tag: provenance, ' +
        'signature, signature-or-provenance, sbom, sbom-cyclonedx, sbom-spdx, verdict, vsa',
      default: ['signature-or-provenance', 'provenance', 'sbom'],
    }),
    'allow-unsigned': input.boolean({
      description: 'Tag without these signatures; the receipt says so',
      default: false,
    }),
    'trusted-root': input.document({ description: 'trusted_root.json of the Sigstore instance; needed with bundles' }),
    'public-key': input.document({
      description: 'rehearse: public key (PEM) of the throw-away key of sign, in place of who may have signed',
    }),
    issuer: input.string({ description: 'OIDC issuer of who may have signed' }),
    'workflow-path': input.string({
      description:
        'Workflow that may have signed: owner/repo/.github/workflows/file.yml, with or without the host before it',
    }),
    'signer-digests': input.list({ description: 'Commits of that workflow that may have signed' }),
    'repository-id': input.string({ description: 'Id of the source repository' }),
    'owner-id': input.string({ description: 'Id of the owner of the source repository' }),
    'source-ref': input.string({ description: 'Full ref that it was built from; any when empty' }),
    'runner-environment': input.choice(['github-hosted', 'self-hosted'], {
      description: 'Where the signing job ran',
      default: 'github-hosted',
    }),
    'registry-config': input.path({
      description: "Credentials in the form of docker's config.json, from oidc-login; anonymous without it",
    }),
    'token-hosts': input.list({
      description:
        'Hosts besides the registry that may see its credentials to issue its tokens, as registry=host; host alone counts where ' +
        'one registry is asked, and is refused where targets or from make it several',
    }),
    'ca-file': input.path({
      description: "Certificates (PEM) of the registries' own authorities, trusted besides the public ones",
    }),
    timeout: input.duration({
      description: 'Limit of the whole step; without it only silence, or less than 4 KiB per second, ends a transfer',
    }),
    'read-back': input.choice(['manifests', 'all'], {
      description: 'What is downloaded again and compared before the tag: manifests, or layers as well',
      default: 'manifests',
    }),
    'plain-http': input.boolean({ description: 'Use http for a registry that is not on this machine', default: false }),
    'mount-from': input.string({ description: 'Repository of the same registry to mount layers from' }),
    'immutable-tags': input.boolean({
      description:
        'Tags of the repositories cannot be changed once they are set; without the referrers API a push with bundles is then ' +
        'refused before the first byte',
      default: false,
    }),
  },
  outputs: {
    digest: output('Digest of the artifact'),
    reference: output('registry/repository@digest of the first target that succeeded; empty in mode layout'),
    references: output('The same of every target that succeeded, one per line'),
    'layout-path': output(
      'The layouts that were pushed, one per line; empty for a copy; in mode layout the plain archive of one that is compressed; in ' +
        'mode rehearse the new one',
    ),
    'checksums-path': output(
      'In mode layout, of an index: the manifests below it in the form of SHA256SUMS, for checksums of provenance and sign; ' +
        'then each of them is signed for, also where the layout is an archive',
    ),
    'receipt-path': output(
      'Receipt of the first target that succeeded: registry, digest, tags, referrers, order, bytes; empty in mode layout',
    ),
    'receipts-path': output('Outcome of every target, with its receipt or its error; empty in mode layout'),
  },
  permissions: { packages: 'write' },
  hosts: ['the registry and the token hosts that the inputs name'],
  writes: ['RUNNER_TEMP/paved/push'],
  example: `- uses: org/paved/push@v1
  with:
    mode: all
    files: out/**
    registry: ghcr.io
    repository: \${{ github.repository }}/app
    tags: \${{ github.ref_name }}
    bundles-path: \${{ steps.sign.outputs.bundles-path }}
    trusted-root: trusted_root.json
    issuer: https://token.actions.githubusercontent.com
    workflow-path: org/app/.github/workflows/release.yml
    signer-digests: \${{ job.workflow_sha }}
    repository-id: \${{ github.repository_id }}
    owner-id: \${{ github.repository_owner_id }}
    registry-config: \${{ steps.login.outputs.registry-config }}`,
});
