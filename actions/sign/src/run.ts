import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { parseTrustedRoot } from '@paved/sigstore';
import type { definition } from './definition.js';
import { SignError } from './error.js';
import { imageSignatures } from './image-signatures.js';
import { openSigner } from './open-signer.js';
import { readPredicate } from './predicate.js';
import { type ListedFile, listFiles } from './read-file.js';
import { readSboms } from './sboms.js';
import { signAll } from './sign-all.js';
import { type PendingStatement, readStatements } from './statements.js';
import { collectSubjects } from './subjects.js';
import { leastTransparency, summarise } from './summarise.js';
import { assertUnsigned, writeBundles } from './write-bundles.js';

type Inputs = InputsOf<typeof definition>;

/** Reads and checks everything, then asks for a token, then signs everything, then writes everything. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  // Read before anything is signed, so that a wrong document costs no signature.
  if (inputs['trusted-root'] !== undefined) parseTrustedRoot(inputs['trusted-root']);
  const statements = await pendingStatements(inputs, context);
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
    const items = await signAll(signer, statements, blobs, verification);
    const legacyCertificate = inputs.legacy ? certificate?.pem : undefined;
    const written = await writeBundles(await context.workDir(), items, { ...opened, legacyCertificate });
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

async function pendingStatements(inputs: Inputs, context: ActionContext): Promise<readonly PendingStatement[]> {
  const artifact = await collectSubjects({
    subjectsPath: inputs['subjects-path'],
    imageName: inputs['image-name'],
    imageDigest: inputs['image-digest'],
    checksums: inputs.checksums,
  });
  const perSubject = inputs['bundle-per-subject'];
  return [
    ...(inputs['image-signature'] ? await imageSignatures(artifact, inputs['layout-path']) : []),
    ...(await readStatements(inputs.statements ?? [], context.runner.temp, artifact)),
    ...(await readSboms(inputs.sboms ?? [], artifact, perSubject)),
    ...(await readPredicate(inputs['predicate-path'], inputs['predicate-type'], artifact, perSubject)),
  ];
}

async function pendingBlobs(paths: readonly string[]): Promise<readonly ListedFile[]> {
  const blobs = (await Promise.all(paths.map((path) => listFiles(path)))).flat();
  await assertUnsigned(blobs.map(({ path }) => path));
  return blobs;
}
