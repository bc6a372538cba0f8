import { buildStatement, encodeStatement, PREDICATE_TYPES } from '@paved/attestation';
import { type Digest, digestHex } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { openSigningSession } from '@paved/sigstore';
import type { Issuer } from '@paved/testkit';
import { type Bench, honest, startBench } from '../../../actions/verify/test/world.js';
import type { SigstoreInstance } from './real-sigstore.js';

export const SLOTS = ['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict', 'signature'] as const;

export interface Signer {
  readonly instance: Pick<SigstoreInstance, 'fulcioUrl' | 'rekorUrl' | 'tsaUrl' | 'trustedRoot'>;
  readonly issuer: Issuer;
  readonly claims: Readonly<Record<string, string>>;
}

/** Inputs of the verify action for who signs here. */
export function identityInputs({ instance, issuer, claims }: Signer): Readonly<Record<string, string>> {
  return {
    'trusted-root': instance.trustedRoot,
    issuer: issuer.url,
    'workflow-path': claims.job_workflow_ref?.split('@')[0] ?? '',
    'signer-digests': claims.job_workflow_sha ?? '',
    'repository-id': claims.repository_id ?? '',
    'owner-id': claims.repository_owner_id ?? '',
    'source-ref': 'refs/heads/main',
  };
}

/** An image in a registry on loopback with what an honest release has, signed in one session. */
export async function startAttestedImage(signer: Signer): Promise<Bench> {
  const bench = await startBench({ identity: identityInputs(signer) });
  await bench.push(await signRelease(signer, bench.digest));
  return bench;
}

/** Bundles of an honest release of `digest`, one for each slot. */
export async function signRelease({ instance, issuer, claims }: Signer, digest: Digest): Promise<readonly string[]> {
  const http = new HttpClient();
  const session = await openSigningSession({
    fulcioUrl: instance.fulcioUrl,
    rekorUrl: instance.rekorUrl,
    tsaUrl: instance.tsaUrl,
    http,
    transparency: 'required',
    idToken: () => issuer.sign(claims, { audience: 'sigstore' }),
  });
  const subjects = [{ name: 'widget', digest: { sha256: digestHex(digest) } }];
  const predicates = honest(digest);
  const bundles = await Promise.all(
    SLOTS.map(async (slot) => {
      const statement = buildStatement({
        predicateType: PREDICATE_TYPES[slot],
        subjects,
        predicate: predicates[slot],
      });
      return (await session.signStatement(encodeStatement(statement))).json;
    }),
  );
  session.close();
  http.close();
  return bundles;
}
