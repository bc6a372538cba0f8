import type { Digest } from '@paved/digest';
import { type Descriptor, listReferrers, OciError, type RepositoryClient } from '@paved/oci';
import { MAX_BUNDLE_BYTES } from '@paved/sigstore';
import type { BundleBudget } from './bundle-budget.js';
import type { Candidate } from './candidate.js';
import { VerifyError } from './error.js';
import { inParallel } from './in-parallel.js';

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle';
/** Whoever may push may attach; more than this is an attack on the verifier's time. */
const MAX_REFERRERS = 500;
/** Of one repository's referrer alone; nobody can hide a good bundle behind a bad one. */
const MALFORMED = new Set(['MANIFEST_INVALID', 'MANIFEST_AMBIGUOUS', 'DIGEST_MISMATCH']);

/**
 * Every Sigstore bundle that refers to `digest` and is wanted, by the referrers API or the fallback tag.
 * @throws {VerifyError} `TOO_MANY_BUNDLES`: leaving some out could leave out the one that matters
 */
export async function fetchBundles(
  repository: RepositoryClient,
  digest: Digest,
  budget: BundleBudget,
  isWanted: (descriptor: Descriptor) => boolean = () => true,
): Promise<readonly Candidate[]> {
  const listed = await listReferrers(repository, digest);
  const referrers = listed.filter((referrer) => isBundle(referrer) && isWanted(referrer));
  if (referrers.length > MAX_REFERRERS) {
    throw new VerifyError(
      'TOO_MANY_BUNDLES',
      `Cannot verify ${digest}: more than ${MAX_REFERRERS} bundles refer to it`,
    );
  }
  const texts = await inParallel(referrers, (referrer) => fetchBundle(repository, referrer, digest, budget));
  return texts.flatMap((text, index) => {
    const origin = referrers[index]?.digest ?? digest;
    return text === undefined ? [] : [{ origin, text }];
  });
}

function isBundle(descriptor: Descriptor): boolean {
  return descriptor.artifactType?.startsWith(BUNDLE_TYPE) ?? false;
}

/** `undefined` for what is no bundle of this digest: anybody who may push can list something else, and it proves nothing. */
async function fetchBundle(
  repository: RepositoryClient,
  descriptor: Descriptor,
  subject: Digest,
  budget: BundleBudget,
): Promise<string | undefined> {
  try {
    const manifest = (await repository.pullManifest(descriptor.digest))?.manifest;
    if (manifest?.kind !== 'image' || manifest.subject?.digest !== subject) return undefined;
    const layer = manifest.layers[0];
    if (layer === undefined || layer.size > MAX_BUNDLE_BYTES) return undefined;
    budget.take(layer.size);
    return (await repository.pullBytes(layer)).toString('utf8');
  } catch (error) {
    if (error instanceof OciError && MALFORMED.has(error.code)) return undefined;
    throw error;
  }
}
