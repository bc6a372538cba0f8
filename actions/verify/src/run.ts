import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeStatement } from '@paved/attestation';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { parseTrustedRoot } from '@paved/sigstore';
import { gather } from './artifact.js';
import type { definition } from './definition.js';
import { VerificationError, VerifyError } from './error.js';
import { report } from './report.js';
import { requireResourceUri, resourceUriOf } from './resource-uri.js';
import { buildSummary } from './summary-attestation.js';
import { buildVerification } from './verification.js';
import { verificationPolicy } from './verification-policy.js';
import { verifyArtifact } from './verify-artifact.js';

/** @throws {VerificationError} `VERIFICATION_FAILED` with every check, after the report was written */
export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const trustedRoot = parseTrustedRoot(inputs['trusted-root']);
  const serverHost = new URL(context.runner.optional('serverUrl') ?? 'https://github.com').host;
  const policy = verificationPolicy(inputs, serverHost, trustedRoot.sha256);
  const { artifacts, candidates, checks, reference } = await gather(inputs, context.http);
  const named = resourceUriOf(inputs, reference);
  const resourceUri = inputs.vsa ? requireResourceUri(named, artifacts.length) : named;
  // A summary that is about to be made cannot be there yet, unless it is asked for by name.
  const expectedUri = inputs.vsa && !policy.require.includes('vsa') ? undefined : resourceUri;
  const [first, ...others] = artifacts.map((artifact) =>
    verifyArtifact(artifact, candidates, policy, trustedRoot, expectedUri),
  );
  if (first === undefined) throw new VerifyError('INPUT_INVALID', 'Cannot verify: no file is named');
  const at = new Date().toISOString();
  const verification = buildVerification(checks, [first, ...others], policy, at);
  const folder = await context.workDir();
  const verificationPath = join(folder, 'verification.json');
  await writeFile(verificationPath, `${JSON.stringify(verification, null, 2)}\n`, { flag: 'wx' });
  report(context, verification);
  const outputs = { 'verification-path': verificationPath };
  if (!verification.ok) throw new VerificationError(verification.checks, outputs);
  if (!inputs.vsa || resourceUri === undefined) return outputs;
  const summary = buildSummary(first, policy, { resourceUri, verifierId: inputs['verifier-id'], timeVerified: at });
  const summaryPath = join(folder, 'vsa.intoto.json');
  await writeFile(summaryPath, encodeStatement(summary), { flag: 'wx' });
  return { ...outputs, 'vsa-path': summaryPath };
}
