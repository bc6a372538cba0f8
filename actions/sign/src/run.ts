import type { Digest } from '@paved/digest';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { Limiter, parseTrustedRoot } from '@paved/sigstore';
import type { definition } from './definition.js';
import { SignError } from './error.js';
import { imageDigests, imageSignatures, layoutManifests } from './image-signatures.js';
import { type LegacyTag, legacyLayers } from './legacy-image.js';
import { openSigner } from './open-signer.js';
import { readPredicate } from './predicate.js';
import { type ListedFile, listFiles } from './read-file.js';
import { RemoteImage } from './remote-image.js';
import { readSboms } from './sboms.js';
import { signAll } from './sign-all.js';
import { type PendingStatement, readStatements } from './statements.js';
import { collectSubjects } from './subjects.js';
import { leastTransparency, summarise } from './summarise.js';
import { assertUnsigned, writeBundles } from './write-bundles.js';

type Inputs = InputsOf<typeof definition>;

const TAGS_AT_A_TIME = 8;

/** Reads and checks everything, then asks for a token, then signs everything, then writes everything. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  // Read before anything is signed, so that a wrong document costs no signature.
  if (inputs['trusted-root'] !== undefined) parseTrustedRoot(inputs['trusted-root']);
  const image = await openImage(inputs, context);
  const { statements, digests, below } = await pendingStatements(inputs, context, image);
  const blobs = await pendingBlobs(inputs.blobs ?? []);
  if (statements.length + blobs.length === 0) {
    throw new SignError('NOTHING_TO_SIGN', 'Cannot sign: no input names a statement, an SBOM, an image or a file', {
      hint: 'Set at least one of statements, sboms, blobs, image-digest or predicate-path',
    });
  }
  const opened = await openSigner(inputs, context);
  const { signer, certificate } = opened;
  const root = inputs['trusted-root'] ?? opened.trustedRoot;
  const trustedRoot = root === undefined ? undefined : parseTrustedRoot(root);
  try {
    const verification = { trustedRoot, transparency: inputs.transparency, policy: opened.policy };
    const work = { statements, blobs, blobContent: inputs['blob-content'] };
    const items = await signAll(signer, work, verification);
    const legacy =
      inputs.legacy && image !== undefined
        ? await legacyLayers(signer, { digests, below, name: imageName(inputs), items }, verification)
        : [];
    const written = await writeBundles(await context.workDir(), items, { ...opened, legacy: inputs.legacy });
    await pushLegacy(legacy, image);
    const identity = certificate?.san ?? 'a key';
    summarise(context, identity, written.bundles, trustedRoot !== undefined);
    return {
      'bundles-path': written.path,
      'certificate-identity': certificate?.san ?? '',
      'public-key-path': written.publicKeyPath,
      transparency: leastTransparency(items),
      'checksums-path': written.checksumsPath,
    };
  } finally {
    signer.close();
  }
}

/** Each tag is read back after a pause: one after the other, an index of many platforms would wait for each. */
async function pushLegacy(tags: readonly LegacyTag[], image: RemoteImage | undefined): Promise<void> {
  const limiter = new Limiter(TAGS_AT_A_TIME, Number.POSITIVE_INFINITY);
  await Promise.all(
    tags.map(({ subject, suffix, layers }) =>
      limiter.run(0, async () => await image?.addLegacy(subject, suffix, layers)),
    ),
  );
}

async function openImage(inputs: Inputs, { http }: ActionContext): Promise<RemoteImage | undefined> {
  if (!inputs['image-remote']) return undefined;
  if (inputs['layout-path'] !== undefined || inputs['image-digest'] === undefined) {
    throw new SignError(
      'INPUT_INVALID',
      'Cannot sign an image in a registry: image-digest is needed, and no layout-path',
      { hint: 'Set image-digest to the digest that was pushed, and leave layout-path out' },
    );
  }
  return await RemoteImage.open({
    ...{ http, name: imageName(inputs), push: inputs.legacy, registryConfig: inputs['registry-config'] },
    ...{ tokenHosts: inputs['token-hosts'] ?? [], plainHttp: inputs['plain-http'] },
  });
}

const imageName = (inputs: Inputs): string => inputs['image-name'] ?? '';

/** Of what will be signed, and of which manifests an image signature is made. */
interface Pending {
  readonly statements: readonly PendingStatement[];
  readonly digests: readonly Digest[];
  /** The image and every manifest below it, signed or not. */
  readonly below: readonly Digest[];
}

async function pendingStatements(
  inputs: Inputs,
  context: ActionContext,
  image: RemoteImage | undefined,
): Promise<Pending> {
  const artifact = await collectSubjects({
    subjectsPath: inputs['subjects-path'],
    imageName: inputs['image-name'],
    imageDigest: inputs['image-digest'],
    checksums: inputs.checksums,
  });
  const perSubject = inputs['bundle-per-subject'];
  const layout = inputs['layout-path'];
  const read = image === undefined ? layout && layoutManifests(layout) : (digest: Digest) => image.manifests(digest);
  const isWalked = inputs['image-signature'] || (inputs.legacy && image !== undefined);
  const below = isWalked ? await imageDigests(artifact, read || undefined) : [];
  const digests = inputs['image-signature'] ? below : [];
  const statements = [
    ...imageSignatures(digests),
    ...(await readStatements(inputs.statements ?? [], context.runner.temp, artifact)),
    ...(await readSboms(inputs.sboms ?? [], artifact, perSubject)),
    ...(await readPredicate(inputs['predicate-path'], inputs['predicate-type'], artifact, perSubject)),
  ];
  return { statements, digests, below };
}

async function pendingBlobs(paths: readonly string[]): Promise<readonly ListedFile[]> {
  const blobs = (await Promise.all(paths.map((path) => listFiles(path)))).flat();
  await assertUnsigned(blobs.map(({ path }) => path));
  return blobs;
}
