import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import {
  type IdentityPolicy,
  openSigningSession,
  parseTrustedRoot,
  type SignedBundle,
  type VerifiedBundle,
  verifyBundle,
} from '@paved/sigstore';
import { githubClaims, type Issuer, startIssuer, startSigstore } from '@paved/testkit';
import type { EngineName } from '../catalog.js';
import { askCosign } from './cosign.js';
import { type SigstoreInstance, startRealSigstore } from './real-sigstore.js';

export const ARTIFACT = Buffer.from('an artifact that is signed on the road\n');
export const ARTIFACT_DIGEST: Digest = sha256(ARTIFACT);
export const PROVENANCE = 'https://slsa.dev/provenance/v1';
export const CYCLONEDX = 'https://cyclonedx.org/bom';
const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
const SIGNER_DIGEST = 'c'.repeat(40);
const IDENTITY = `https://github.com/${WORKFLOW}@refs/tags/v1`;

/** What the tests of the suite share: one issuer, upstream's servers, and our doubles of them. */
export interface SigstoreContext {
  readonly issuer: Issuer;
  readonly cosign: string;
  readonly gh: string;
  readonly instances: Readonly<Record<InstanceName, SigstoreInstance>>;
  /** The double's other log, with the v1 API. */
  readonly rekorV1Url: string;
  readonly claims: Readonly<Record<string, string>>;
  readonly policy: IdentityPolicy;
  /** Subject alternative name that cosign is told to expect. */
  readonly identity: string;
  /** A scratch folder that is removed at the end. */
  readonly folder: string;
}

export type InstanceName = 'real' | 'double';

export async function startContext(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: SigstoreContext; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-sigstore-'));
  const issuer = await startIssuer();
  const double = await startSigstore({ issuer });
  const doublePath = join(folder, 'double_trusted_root.json');
  await writeFile(doublePath, double.trustedRoot);
  const real = await startRealSigstore(engine, issuer, join(folder, 'real'));
  const claims = githubClaims({ jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: SIGNER_DIGEST });
  const context: SigstoreContext = {
    issuer,
    folder,
    claims,
    identity: IDENTITY,
    rekorV1Url: double.rekorV1Url,
    cosign: engine('cosign'),
    gh: engine('gh'),
    instances: { real, double: { ...double, trustedRootPath: doublePath } },
    policy: {
      issuer: issuer.url,
      workflowPath: `github.com/${WORKFLOW}`,
      signerDigests: [SIGNER_DIGEST],
      repositoryId: claims.repository_id ?? '',
      ownerId: claims.repository_owner_id ?? '',
      sourceRef: 'refs/heads/main',
      runnerEnvironment: 'github-hosted',
    },
  };
  return {
    context,
    async stop() {
      await Promise.all([real.stop(), double.close(), issuer.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface SignedSet {
  readonly blob: SignedBundle;
  readonly provenance: SignedBundle;
  readonly sbom: SignedBundle;
}

/** A blob, a provenance statement and an SBOM, signed in one session. */
export async function signSet(context: SigstoreContext, name: InstanceName): Promise<SignedSet> {
  const { fulcioUrl, rekorUrl, tsaUrl } = context.instances[name];
  const http = new HttpClient();
  const session = await openSigningSession({
    fulcioUrl,
    rekorUrl,
    tsaUrl,
    http,
    transparency: 'required',
    idToken: () => context.issuer.sign(context.claims, { audience: 'sigstore' }),
  });
  const [blob, provenance, sbom] = await Promise.all([
    session.signBlob(ARTIFACT),
    session.signStatement(statement(PROVENANCE, { buildDefinition: {}, runDetails: {} })),
    session.signStatement(statement(CYCLONEDX, { bomFormat: 'CycloneDX', specVersion: '1.6' })),
  ]);
  session.close();
  http.close();
  return { blob, provenance, sbom };
}

/** A statement about the artifact, as bytes. */
export function statement(predicateType: string, predicate: unknown): Buffer {
  const subjects = [{ name: 'artifact', digest: { sha256: digestHex(ARTIFACT_DIGEST) } }];
  return encodeStatement(buildStatement({ predicateType, subjects, predicate }));
}

/** Status 0 means that cosign accepts the bundle. */
export async function cosignSays(
  context: SigstoreContext,
  name: InstanceName,
  question: { readonly bundle: string; readonly artifact?: Uint8Array; readonly predicateType?: string },
): Promise<{ readonly accepted: boolean; readonly detail: string }> {
  const { status, stdout, stderr } = await askCosign(context.cosign, context.instances[name], {
    artifact: ARTIFACT,
    identity: context.identity,
    issuer: context.issuer.url,
    ...question,
  });
  return { accepted: status === 0, detail: `${stdout}${stderr}`.slice(-1500) };
}

/** Our own verification of the same question. */
export function verifyOurselves(
  context: SigstoreContext,
  name: InstanceName,
  question: { readonly bundle: string; readonly artifact?: Uint8Array; readonly predicateType?: string },
): VerifiedBundle {
  const artifact = question.artifact ?? ARTIFACT;
  return verifyBundle({
    trustedRoot: parseTrustedRoot(context.instances[name].trustedRoot),
    artifactDigest: sha256(artifact),
    artifactBytes: artifact,
    policy: context.policy,
    bundle: question.bundle,
    ...(question.predicateType === undefined ? {} : { predicateType: question.predicateType }),
  });
}
