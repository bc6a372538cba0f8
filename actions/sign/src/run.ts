import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { openSigningSession, parseTrustedRoot, type SigningSession } from '@paved/sigstore';
import type { definition } from './definition.js';
import { SignError } from './error.js';
import { assertJobClaims } from './job-claims.js';
import { readPredicate } from './predicate.js';
import { type ListedFile, listFiles } from './read-file.js';
import { readSboms } from './sboms.js';
import { signAll } from './sign-all.js';
import { imageSignature, type PendingStatement, readStatements } from './statements.js';
import { collectSubjects } from './subjects.js';
import { reportProgress, summarise } from './summarise.js';
import { assertUnsigned, writeBundles } from './write-bundles.js';

type Inputs = InputsOf<typeof definition>;

/** Reads and checks everything, then asks for a token, then signs everything, then writes everything. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const root = inputs['trusted-root'];
  const trustedRoot = root === undefined ? undefined : parseTrustedRoot(root);
  const statements = await pendingStatements(inputs, context);
  const blobs = await pendingBlobs(inputs.blobs ?? []);
  if (statements.length + blobs.length === 0) {
    throw new SignError('NOTHING_TO_SIGN', 'Cannot sign: no input names a statement, an SBOM, an image or a file', {
      hint: 'Set at least one of statements, sboms, blobs, image-digest or predicate-path',
    });
  }
  const { transparency } = inputs;
  const serverUrl = inputs['server-url'].origin;
  const session = await openSession(inputs, context, serverUrl);
  try {
    const items = await signAll(session, statements, blobs, { trustedRoot, transparency, serverUrl });
    const { path, bundles } = await writeBundles(await context.workDir(), items, session.certificate);
    summarise(context, session, bundles, trustedRoot !== undefined);
    return { 'bundles-path': path, 'certificate-identity': session.certificate.san };
  } finally {
    session.close();
  }
}

async function pendingStatements(inputs: Inputs, context: ActionContext): Promise<readonly PendingStatement[]> {
  const artifact = await collectSubjects({
    subjectsPath: inputs['subjects-path'],
    imageName: inputs['image-name'],
    imageDigest: inputs['image-digest'],
  });
  const signature = inputs['image-signature'] ? imageSignature(artifact) : undefined;
  return [
    ...(signature === undefined ? [] : [signature]),
    ...(await readStatements(inputs.statements ?? [], context.runner.temp, artifact)),
    ...(await readSboms(inputs.sboms ?? [], artifact)),
    ...(await readPredicate(inputs['predicate-path'], inputs['predicate-type'], artifact)),
  ];
}

async function pendingBlobs(paths: readonly string[]): Promise<readonly ListedFile[]> {
  const blobs = (await Promise.all(paths.map((path) => listFiles(path)))).flat();
  await assertUnsigned(blobs.map(({ path }) => path));
  return blobs;
}

async function openSession(inputs: Inputs, context: ActionContext, serverUrl: string): Promise<SigningSession> {
  const audience = inputs['oidc-audience'];
  const rekorUrl = inputs['rekor-url']?.href;
  return await openSigningSession({
    fulcioUrl: inputs['fulcio-url'].href,
    tsaUrl: inputs['tsa-url'].href,
    ...(rekorUrl === undefined ? {} : { rekorUrl }),
    audience,
    serverUrl,
    transparency: inputs.transparency,
    http: context.http,
    idToken: () => context.idToken(audience),
    assertClaims(claims) {
      const path = inputs['expected-workflow-path'];
      assertJobClaims(claims, context.runner, { path, sha: inputs['expected-workflow-sha'] });
    },
    onProgress: (progress) => reportProgress(context, progress),
  });
}
