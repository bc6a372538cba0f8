import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PREDICATE_TYPES } from '@paved/attestation';
import { parseSbom } from '@paved/bom';
import type { Digest } from '@paved/digest';
import { parseReference, pullBundles, type RepositoryClient } from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import {
  type IdentityPolicy,
  parseTrustedRoot,
  SigstoreError,
  type VerifiedBundle,
  verifyBundle,
} from '@paved/sigstore';
import type { definition } from './definition.js';
import type { Facts } from './documents.js';
import { RescanError } from './error.js';
import { repositoryOf } from './registry.js';
import { required } from './required.js';

type Inputs = InputsOf<typeof definition>;

const SLOTS = ['sbom-cyclonedx', 'sbom-spdx'] as const;

/**
 * The SBOMs that were signed with the release, from the registry's referrers: the image itself is not pulled.
 * @throws {RescanError} `SBOM_UNVERIFIED`, `SBOM_SUBJECT_MISMATCH`
 */
export async function fetchSboms(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const reference = parseReference(required(inputs, 'image'));
  const { digest, registry, repository: name } = reference;
  if (digest === undefined) throw invalid('image names a tag: a published artifact is named by its digest');
  const repository = await repositoryOf(reference, inputs, context);
  const verified = await verifiedSboms(repository, digest, inputs, context);
  const folder = await context.workDir();
  const described = new Set<Digest>();
  let publishedAt = '';
  for (const [slot, bundle] of verified) {
    const text = `${JSON.stringify(bundle.statement?.predicate)}\n`;
    for (const subject of parseSbom(Buffer.from(text)).subjects) described.add(subject);
    await writeFile(join(folder, `sbom-released-${slot.replace('sbom-', '')}.json`), text, { flag: 'wx' });
    publishedAt = bundle.signedAt.toISOString();
  }
  const subjectDigest = await subjectOf(repository, digest, described);
  const facts: Facts = { image: `${registry}/${name}@${digest}`, subjectDigest, publishedAt };
  const factsPath = join(await context.workDir(), 'facts.json');
  await writeFile(factsPath, `${JSON.stringify(facts)}\n`, { flag: 'wx' });
  context.log.info(`Verified ${verified.size} stored SBOMs of ${digest}`);
  context.events.emit({ stage: 'rescan', event: 'fetched', digest, sboms: verified.size });
  return { 'sboms-path': folder, 'subject-digest': subjectDigest, 'subject-name': name, 'facts-path': factsPath };
}

async function verifiedSboms(
  repository: RepositoryClient,
  digest: Digest,
  inputs: Inputs,
  { runner, log }: ActionContext,
): Promise<ReadonlyMap<(typeof SLOTS)[number], VerifiedBundle>> {
  const trustedRoot = parseTrustedRoot(required(inputs, 'trusted-root'));
  const host = new URL(runner.serverUrl).host;
  const policies = required(inputs, 'workflow-path').map((path) => identityPolicy(inputs, `${host}/${path}`));
  const { bundles } = await pullBundles(repository, digest);
  const found = new Map<(typeof SLOTS)[number], VerifiedBundle>();
  for (const { bytes, referrer } of bundles) {
    for (const [slot, policy] of SLOTS.flatMap((one) => policies.map((two) => [one, two] as const))) {
      try {
        const bundle = verifyBundle({
          bundle: bytes.toString('utf8'),
          trustedRoot,
          artifactDigest: digest,
          predicateType: PREDICATE_TYPES[slot],
          policy,
        });
        // The latest verified one counts, as for verify.
        const other = found.get(slot);
        if (other === undefined || other.signedAt < bundle.signedAt) found.set(slot, bundle);
      } catch (error) {
        // Whoever may push may attach anything: what does not verify is no SBOM of ours, and hides none.
        if (!(error instanceof SigstoreError)) throw error;
        log.debug(`${referrer} is no ${slot}: ${error.code}`);
      }
    }
  }
  if (found.size > 0) return found;
  throw new RescanError(
    'SBOM_UNVERIFIED',
    `Cannot rescan ${digest}: none of its ${bundles.length} bundles is a verified SBOM`,
    {
      hint: 'Release it with its SBOM, or name the commits that signed it in signer-digests',
    },
  );
}

function identityPolicy(inputs: Inputs, workflowPath: string): IdentityPolicy {
  return {
    issuer: (inputs.issuer?.href ?? '').replace(/\/$/, ''),
    workflowPath,
    signerDigests: inputs['signer-digests'] ?? [],
    repositoryId: required(inputs, 'repository-id'),
    ownerId: required(inputs, 'owner-id'),
    runnerEnvironment: inputs['runner-environment'],
  };
}

/** The image itself, or the one released file that is a layer of its manifest; anything else is another artifact's SBOM. */
async function subjectOf(
  repository: RepositoryClient,
  digest: Digest,
  described: ReadonlySet<Digest>,
): Promise<Digest> {
  const [only] = described;
  if (described.size === 1 && only === digest) return digest;
  const manifest = (await repository.pullManifest(digest))?.manifest;
  const layers = manifest?.kind === 'image' ? manifest.layers.map((layer) => layer.digest) : [];
  if (described.size === 1 && only !== undefined && layers.includes(only)) return only;
  throw new RescanError(
    'SBOM_SUBJECT_MISMATCH',
    `Cannot rescan ${digest}: its SBOMs describe ${described.size} digests, and not it or one file of it`,
    { hint: 'Artifacts of several files are rescanned by running scan-gate with subjects-path' },
  );
}

function invalid(state: string): RescanError {
  return new RescanError('INPUT_INVALID', `Cannot rescan: ${state}`, {
    hint: 'Give it as name@sha256:..., as the release printed it',
  });
}
