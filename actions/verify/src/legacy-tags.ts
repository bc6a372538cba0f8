import { type Digest, digestHex } from '@paved/digest';
import { type Descriptor, type Manifest, OciError, parseTag, type RepositoryClient } from '@paved/oci';
import type { BundleBudget } from './bundle-budget.js';
import type { Candidate } from './candidate.js';
import { VerifyError } from './error.js';
import { inParallel } from './in-parallel.js';
import { legacyAttestation, legacySignature } from './legacy-bundle.js';

const ENVELOPE = 'application/vnd.dsse.envelope.v1+json';
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const MAX_LAYERS = 500;
const MAX_LAYER_BYTES = 32 * 1024 * 1024;

/**
 * What cosign stored before bundles: `sha256-<hex>.att` with envelopes and `.sig` with signatures over a payload, each read as the
 * bundle that holds the same (cosign, specs/SIGNATURE_SPEC.md). A layer that is neither proves nothing and is left out.
 */
export async function fetchLegacy(
  repository: RepositoryClient,
  digest: Digest,
  budget: BundleBudget,
): Promise<readonly Candidate[]> {
  const tags = ['att', 'sig'].map((suffix) => parseTag(`${digest.split(':')[0]}-${digestHex(digest)}.${suffix}`));
  return (await Promise.all(tags.map((tag) => fetchTag(repository, tag, budget)))).flat();
}

async function fetchTag(
  repository: RepositoryClient,
  tag: ReturnType<typeof parseTag>,
  budget: BundleBudget,
): Promise<readonly Candidate[]> {
  const manifest = await pull(repository, tag);
  if (manifest?.kind !== 'image') return [];
  if (manifest.layers.length > MAX_LAYERS) {
    throw new VerifyError('TOO_MANY_BUNDLES', `Cannot read ${tag}: it has more than ${MAX_LAYERS} signatures`);
  }
  const found = await inParallel(manifest.layers, (layer) => fetchLayer(repository, layer, budget));
  return found.flatMap((candidate) => candidate ?? []);
}

async function pull(repository: RepositoryClient, tag: ReturnType<typeof parseTag>): Promise<Manifest | undefined> {
  try {
    return (await repository.pullManifest(tag))?.manifest;
  } catch (error) {
    if (error instanceof OciError && error.code.startsWith('MANIFEST_')) return undefined;
    throw error;
  }
}

async function fetchLayer(
  repository: RepositoryClient,
  layer: Descriptor,
  budget: BundleBudget,
): Promise<Candidate | undefined> {
  const { mediaType, annotations = {}, digest, size } = layer;
  if ((mediaType !== ENVELOPE && mediaType !== SIMPLE_SIGNING) || size > MAX_LAYER_BYTES) return undefined;
  budget.take(size);
  const bytes = await repository.pullBytes(layer);
  try {
    if (mediaType === ENVELOPE) return { origin: digest, text: legacyAttestation(bytes, annotations), envelope: bytes };
    return { origin: digest, text: legacySignature(bytes, annotations), payload: bytes };
  } catch {
    return undefined;
  }
}
