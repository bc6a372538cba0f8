import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeStatement } from '@paved/attestation';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { TrustedRoot } from '@paved/sigstore';
import { type Gathered, gather } from './artifact.js';
import { readClaimed } from './candidate.js';
import type { definition } from './definition.js';
import { VerificationError, VerifyError } from './error.js';
import { loadTrustedRoot } from './load-trusted-root.js';
import { report, reportClaims, reportCommands } from './report.js';
import { requireResourceUri, resourceUriOf } from './resource-uri.js';
import { buildSummary } from './summary-attestation.js';
import { buildVerification } from './verification.js';
import { verificationPolicy } from './verification-policy.js';
import { type ArtifactResult, verifyArtifact } from './verify-artifact.js';
import type { Question } from './verify-candidate.js';

type Inputs = InputsOf<typeof definition>;

/** @throws {VerificationError} `VERIFICATION_FAILED` with every check, after the report was written */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const question = readQuestion(inputs, context, await loadTrustedRoot(inputs, context));
  const { policy, trustedRoot } = question;
  const gathered = await gather(inputs, context);
  const resourceUri = nameOf(inputs, gathered);
  // A summary that is about to be made cannot be there yet, unless it is asked for by name.
  const expectedUri = inputs.vsa && !policy.require.includes('vsa') ? undefined : resourceUri;
  const results = verifyAll(gathered, question, expectedUri);
  const now = new Date().toISOString();
  const verification = buildVerification(gathered.checks, results, policy, now);
  const folder = await context.workDir();
  const verificationPath = join(folder, 'verification.json');
  await writeFile(verificationPath, `${JSON.stringify(verification, null, 2)}\n`, { flag: 'wx' });
  report(context, verification);
  if (inputs.explain) reportClaims(context, verification);
  if (inputs['print-commands']) {
    const { writeCommands } = await import('./write-commands.js');
    const { candidates, reference } = gathered;
    reportCommands(context, await writeCommands(folder, results, policy, { trustedRoot, candidates, reference }));
  }
  const outputs = { 'verification-path': verificationPath };
  if (!verification.ok) throw new VerificationError(verification.checks, outputs);
  if (!inputs.vsa || resourceUri === undefined) return outputs;
  const options = { resourceUri, verifierId: inputs['verifier-id'], timeVerified: now };
  const summaryPath = join(folder, 'vsa.intoto.json');
  await writeFile(summaryPath, encodeStatement(buildSummary(results[0], policy, options)), { flag: 'wx' });
  return { ...outputs, 'vsa-path': summaryPath };
}

function readQuestion(inputs: Inputs, context: ActionContext, trustedRoot: TrustedRoot): Question {
  const serverHost = new URL(context.runner.optional('serverUrl') ?? 'https://github.com').host;
  const policy = verificationPolicy(inputs, serverHost, trustedRoot.sha256);
  if (inputs.vsa && policy.at !== undefined) {
    throw new VerifyError(
      'INPUT_INVALID',
      'Cannot make a verification summary of a replay: it is not the answer of now',
    );
  }
  return {
    policy,
    trustedRoot,
    at: policy.at === undefined ? new Date() : new Date(policy.at),
    listsBundles: inputs.vsa,
    refusals: new WeakMap(),
  };
}

function nameOf(inputs: Inputs, { artifacts, reference }: Gathered): string | undefined {
  const named = resourceUriOf(inputs, reference);
  const roots = artifacts.filter(({ parent }) => parent === undefined);
  return inputs.vsa ? requireResourceUri(named, roots.length) : named;
}

function verifyAll(
  { artifacts, candidates }: Gathered,
  question: Question,
  resourceUri: string | undefined,
): readonly [ArtifactResult, ...ArtifactResult[]] {
  const claimed = candidates.map(readClaimed);
  const [first, ...others] = artifacts.map((artifact) => verifyArtifact(artifact, claimed, question, resourceUri));
  if (first === undefined) throw new VerifyError('INPUT_INVALID', 'Cannot verify: no file is named');
  return [first, ...others];
}
