import { array, literal, object, optional, parseJson, string } from '@paved/json';
import { assertIdentityPolicy, type IdentityPolicy } from '@paved/sigstore';
import { VerifyError } from './error.js';

/** Somebody else who signs the same artifact, under a whole identity of their own. */
export type CoSigner = IdentityPolicy & { readonly name: string };

const decoder = object({
  signers: array(
    object({
      name: string,
      issuer: string,
      workflowPath: string,
      signerDigests: array(string),
      repositoryId: string,
      ownerId: string,
      sourceRef: optional(string),
      runnerEnvironment: literal('github-hosted', 'self-hosted'),
    }),
  ),
});

/**
 * Two signers with the same issuer, workflow and source repository would count one signature twice, so they are refused.
 * @throws {VerifyError} `INPUT_INVALID`; {SigstoreError} `POLICY_INVALID`
 */
export function parseCoSigners(text: string | undefined, first: IdentityPolicy): readonly CoSigner[] {
  if (text === undefined) return [];
  const signers = decode(text);
  const seen = new Set([keyOf(first)]);
  for (const signer of signers) {
    assertIdentityPolicy(signer);
    if (seen.has(keyOf(signer))) {
      throw new VerifyError(
        'INPUT_INVALID',
        `Cannot count signer "${signer.name.slice(0, 80)}": it is another one again`,
      );
    }
    seen.add(keyOf(signer));
  }
  return signers;
}

function decode(text: string): readonly CoSigner[] {
  try {
    return parseJson('co-signers', text, decoder).signers;
  } catch (cause) {
    throw new VerifyError('INPUT_INVALID', 'Cannot read input "co-signers"', {
      cause,
      hint: 'Pass {"signers": [{name, issuer, workflowPath, signerDigests, repositoryId, ownerId, runnerEnvironment}]}',
    });
  }
}

/** What a certificate has one of, so that it can be of one signer only. */
function keyOf({ issuer, workflowPath, repositoryId }: IdentityPolicy): string {
  return JSON.stringify([issuer, workflowPath.toLowerCase(), repositoryId]);
}
