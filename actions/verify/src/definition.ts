import { defineAction, input, output } from '@paved/runner-kit';

export const definition = defineAction({
  name: 'verify',
  purpose: 'Verifies an artifact against an identity policy and reports every check and who vouches for what',
  inputs: {
    image: input.string({
      description: 'registry/repository[:tag]@sha256:...; its bundles are read from the registry',
    }),
    files: input.paths({ description: 'Files to verify instead of an image' }),
    'layout-path': input.path({
      description: 'OCI image layout to verify instead of an image: a folder or an archive',
    }),
    bundles: input.paths({ description: 'Sigstore bundles, or folders of them, besides those of the registry' }),
    digest: input.digest({ description: 'Which manifest of layout-path is meant, where it names several' }),
    'digest-algorithm': input.choice(['sha256', 'sha512'], {
      description: 'How files are hashed: what the statements use',
      default: 'sha256',
    }),
    'trusted-root': input.document({
      description: 'trusted_root.json of the Sigstore instance, in place of an update',
    }),
    instance: input.choice(['custom', 'public-good'], {
      description: 'Whose trusted root comes from an update repository (TUF), where trusted-root gives none',
      default: 'custom',
    }),
    'trust-updates': input.choice(['required', 'preferred', 'off'], {
      description:
        'public-good: trusted root from its update repository; preferred takes the embedded one when it cannot be reached',
      default: 'preferred',
    }),
    'trust-cache': input.path({ description: 'Folder that keeps what the update repository answered, for a day' }),
    'tuf-url': input.url({ description: 'custom: update repository that has the trusted root' }),
    'tuf-root': input.document({
      description: 'custom: root.json of that repository to begin with, from a safe place',
    }),
    'public-key': input.document({
      description:
        'Public keys (PEM), one of which must have signed, in place of a workflow and its repository; proves nothing of who built',
    }),
    'rsa-padding': input.choice(['pss', 'pkcs1'], {
      description: 'How an RSA key of public-key must have signed; cosign signs pkcs1',
      default: 'pss',
    }),
    issuer: input.string({ description: 'OIDC issuer of who may have signed; needed without public-key' }),
    'workflow-path': input.string({
      description: 'Workflow that may have signed: owner/repo/.github/workflows/file.yml; needed without public-key',
    }),
    trust: input.document({
      description: 'trust.json: released and revoked commits of that workflow, instead of signer-digests',
    }),
    'signer-digests': input.list({
      description: 'Commits of that workflow that may have signed; with trust, all of its released ones when empty',
    }),
    'repository-id': input.string({ description: 'Id of the source repository; needed without public-key' }),
    'owner-id': input.string({ description: 'Id of the owner of the source repository; needed without public-key' }),
    'source-ref': input.string({ description: 'Full ref that it was built from; any when empty' }),
    'runner-environment': input.choice(['github-hosted', 'self-hosted'], {
      description: 'Where the signing job ran',
      default: 'github-hosted',
    }),
    require: input.list({
      description:
        'What must be signed, and how old it may be: provenance<=30d, sbom-cyclonedx, sbom-spdx, verdict, signature, vsa',
      default: ['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict'],
    }),
    children: input.boolean({
      description: 'Verify every manifest below an image index as well',
      default: true,
    }),
    'child-require': input.list({
      description: 'What must be signed for each manifest below an index, and how old it may be: provenance<=30d',
      default: ['provenance'],
    }),
    'legacy-tags': input.boolean({
      description: 'Also read what cosign stored before bundles, under .sig and .att tags',
      default: false,
    }),
    'builder-id': input.string({ description: 'Builder id that the provenance must name' }),
    'build-types': input.list({
      description: 'Build types that are accepted: release-artifact, github-workflow; release-artifact when empty',
    }),
    'slsa-level': input.integer({
      description: 'Build level that the provenance must show at least',
      min: 1,
      max: 3,
    }),
    'source-repository': input.string({ description: 'URL of the source repository, besides its id' }),
    'source-commit': input.string({ description: 'Commit that it was built from' }),
    'required-parameters': input.list({
      description: 'External parameters that must be there, as JSON pointers: /inputs/command',
    }),
    'expected-parameters': input.document({
      description: 'External parameters that must be equal; members that are not named are not compared',
    }),
    'co-signers': input.document({
      description:
        'Others who sign: {"signers": [{name, issuer, workflowPath, signerDigests, repositoryId, ownerId, ...}]}',
    }),
    threshold: input.integer({
      description: 'How many of all signers must have signed each required predicate; the named workflow always must',
      default: 1,
      min: 1,
      max: 16,
    }),
    'allow-isolation-none': input.boolean({
      description: 'Accept a build that was not cut off from the network',
      default: false,
    }),
    'allow-rehearsal': input.boolean({
      description: 'Accept provenance of a rehearsal, which nobody vouches for; never where something is released',
      default: false,
    }),
    transparency: input.choice(['required', 'preferred', 'off'], {
      description: 'Whether bundles must be in the transparency log',
      default: 'required',
    }),
    tag: input.string({ description: 'Tag that the image is, or will be, used under; compared with summaries' }),
    'resource-uri': input.string({ description: 'Name that files are used under, instead of image and tag' }),
    at: input.string({
      description: 'Answer as of this day or time: ages count to it, and what was signed later does not count',
    }),
    explain: input.boolean({ description: 'Print the claims and who vouches for each', default: false }),
    'print-commands': input.boolean({
      description: 'Print what gh and cosign would be asked for the same',
      default: false,
    }),
    vsa: input.boolean({ description: 'Write a verification summary to sign', default: false }),
    'verifier-id': input.string({
      description: 'Id of the verifier in the summary',
      default: 'https://github.com/org/paved/verify',
    }),
    'registry-config': input.path({
      description: "Credentials in the form of docker's config.json, from oidc-login; anonymous without it",
    }),
    'token-hosts': input.list({
      description:
        'Hosts besides the registry that may see its credentials to issue its tokens; with registry=host for that registry alone',
    }),
    'plain-http': input.boolean({ description: 'Use http for a registry that is not on this machine', default: false }),
  },
  outputs: {
    'verification-path': output('Every check and claim as JSON; written also when the answer is no'),
    'vsa-path': output('Verification summary statement, for sign'),
  },
  permissions: {},
  hosts: [
    'the registry of image and the token hosts that the inputs name',
    'tuf-repo-cdn.sigstore.dev for instance public-good, or the host of tuf-url',
  ],
  writes: ['RUNNER_TEMP/paved/verify'],
  example: `- uses: org/paved/verify@v1
  with:
    image: ghcr.io/acme/widget@sha256:...
    trusted-root: trusted_root.json
    issuer: https://token.actions.githubusercontent.com
    workflow-path: org/paved/.github/workflows/release-artifact.yml
    signer-digests: 0123456789abcdef0123456789abcdef01234567
    repository-id: 900100
    owner-id: 800200`,
});
