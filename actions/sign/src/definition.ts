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
    checksums: input.path({
      description: 'File in the form of SHA256SUMS; what it names are subjects besides those of subjects-path',
    }),
    'bundle-per-subject': input.boolean({
      description: 'One bundle for each subject of an SBOM or a predicate, not one about all of them',
      default: false,
    }),
    'blob-content': input.choice(['message', 'dsse'], {
      description:
        'What the bundle of a file holds: a signature over its bytes, or a statement that names it (no .sig then)',
      default: 'message',
    }),
    'layout-path': input.path({
      description:
        'OCI layout folder; with it, each manifest of the index at image-digest gets its own image signature',
    }),
    legacy: input.boolean({
      description:
        'For verifiers that know no bundles: <file>.pem beside each file, and with image-remote the .sig and .att tags',
      default: false,
    }),
    'image-name': input.string({ description: 'Name of the image or OCI artifact, without tag' }),
    'image-digest': input.digest({ description: 'Digest of its manifest, from the layout, never from a tag' }),
    'image-signature': input.boolean({
      description: 'Also make the signature that cosign verify looks for, when image-digest is set',
      default: true,
    }),
    'image-remote': input.boolean({
      description:
        'The image is in the registry that image-name names: its index is read there, and each manifest gets a signature',
      default: false,
    }),
    'registry-config': input.path({
      description: "image-remote: credentials in the form of docker's config.json; anonymous without it",
    }),
    'token-hosts': input.list({
      description:
        'image-remote: hosts besides the registry that may see its credentials to issue its tokens; with registry=host for that ' +
        'registry alone',
    }),
    'plain-http': input.boolean({
      description: 'image-remote: use http for a registry that is not on this machine',
      default: false,
    }),
    instance: input.choice(['custom', 'public-good', 'github', 'key'], {
      description:
        'Who certifies: the addresses below or a signing config, a known instance, or nobody (a key of yours)',
      default: 'custom',
    }),
    'signing-config': input.document({
      description: 'signing_config.v0.2.json that names the services of the instance, in place of addresses',
    }),
    'trust-updates': input.choice(['required', 'preferred', 'off'], {
      description:
        'public-good: trusted root and services from its update repository (TUF); preferred takes the embedded ones when it cannot be reached',
      default: 'preferred',
    }),
    'trust-cache': input.path({ description: 'Folder that keeps what the update repository answered, for a day' }),
    'tuf-url': input.url({
      description: 'custom: update repository that names services and trusted root, in place of addresses',
    }),
    'tuf-root': input.document({
      description: 'custom: root.json of that repository to begin with, from a safe place',
    }),
    'fulcio-url': input.url({ description: 'custom: certificate authority; the only host that gets the token' }),
    'rekor-url': input.url({ description: 'custom, key: transparency log; needed unless transparency is off' }),
    'rekor-version': input.choice(['highest', '1', '2'], {
      description: 'API of the log; rekor-url alone means 2',
      default: 'highest',
    }),
    'tsa-url': input.url({ description: 'custom, key: timestamp authority (RFC 3161)' }),
    key: input.secret({ description: 'key: private key in PEM, also the file of cosign generate-key-pair' }),
    'throw-away-key': input.boolean({
      description: 'key: a new key that lives for this step alone and is never written; for a rehearsal',
      default: false,
    }),
    'key-password': input.secret({ description: 'key: password of that key' }),
    'kms-key': input.string({
      description:
        'key: key in a service (awskms:///ARN, gcpkms://projects/..., azurekms://HOST/KEY, hashivault://KEY)',
    }),
    'kms-credentials': input.secret({
      description: 'key: token of the service, or for AWS JSON with accessKeyId, secretAccessKey and sessionToken',
    }),
    'kms-url': input.url({ description: 'key: address of the service, where its name does not say it' }),
    'rsa-padding': input.choice(['pss', 'pkcs1'], {
      description: 'key: how an RSA key signs; cosign verifies pkcs1 alone',
      default: 'pss',
    }),
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
    'fulcio-timeout': input.duration({
      description: 'Longest wait for the certificate authority, for each of three attempts',
      default: '20s',
    }),
    'rekor-timeout': input.duration({
      description:
        'The same for the log; Rekor v2 answers when the entry is in its tree, and is never given less than 20s',
      default: '20s',
    }),
    'tsa-timeout': input.duration({ description: 'The same for the timestamp authority', default: '20s' }),
    'expected-workflow-path': input.string({
      description:
        'Workflow file that this job must be part of: owner/name/.github/workflows/file.yml; not checked when this and the commit are empty',
    }),
    'expected-workflow-sha': input.string({
      description: 'Commit of that file: job.workflow_sha; one of the two without the other is refused',
    }),
    'predicate-path': input.path({
      description: 'Standalone: JSON file with the predicate of a statement of your own',
    }),
    'predicate-type': input.string({ description: 'Standalone: type URI of that predicate' }),
  },
  outputs: {
    'bundles-path': output('Folder with one bundle for each statement and file, and index.json'),
    'certificate-identity': output('Subject alternative name of the certificate; empty for a key'),
    'public-key-path': output('Public key (PEM) that the bundles verify under; only for a key'),
    transparency: output('What happened: logged, timestamp-only or none, the least of all bundles'),
    'checksums-path': output('SHA256SUMS of all files that were signed or are subjects'),
  },
  permissions: { 'id-token': 'write' },
  hosts: [
    'the Fulcio, Rekor, timestamp, key and update servers that the inputs name',
    'tuf-repo-cdn.sigstore.dev for instance public-good',
    'the registry of image-name for image-remote',
  ],
  writes: ['RUNNER_TEMP/paved/sign', 'beside each file of blobs'],
  example: `- uses: org/paved/sign@v1
  with:
    blobs: out/*.tar.gz
    instance: public-good`,
});
