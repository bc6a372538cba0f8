import type { Digest } from '@paved/digest';
import { forEachConcurrently } from './concurrency.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { SIGSTORE_BUNDLE } from './media-type.js';
import { listReferrers } from './referrers.js';
import type { RepositoryClient } from './repository-client.js';

/** A bundle as it is stored; nothing in it is verified. */
export interface PulledBundle {
  /** Digest of the referrer's manifest. */
  readonly referrer: Digest;
  readonly bytes: Buffer;
}

export interface PulledBundles {
  readonly bundles: readonly PulledBundle[];
  /** Referrers that claim to be bundles of the subject and are not; who may push may also push these. */
  readonly rejected: readonly { readonly referrer: Digest; readonly reason: string }[];
}

export interface PullBundlesOptions {
  /** Default 200. */
  readonly maxReferrers?: number;
  /** Of each bundle, in bytes (default 16 MiB). */
  readonly maxBytes?: number;
}

const MAX_IN_FLIGHT = 8;
const DEFAULT_MAX_REFERRERS = 200;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Pulls every Sigstore bundle that is attached to `subject`, each checked against its digest. A malformed referrer is set aside, not an
 * error, so that nobody can hide a good bundle behind a bad one.
 * @throws {OciError} `REGISTRY_REFUSED` when there are more than `maxReferrers`: leaving some out could leave out the one that matters
 */
export async function pullBundles(
  repository: RepositoryClient,
  subject: Digest,
  options: PullBundlesOptions = {},
): Promise<PulledBundles> {
  const limit = options.maxReferrers ?? DEFAULT_MAX_REFERRERS;
  const listed = await listReferrers(repository, subject, SIGSTORE_BUNDLE);
  if (listed.length > limit) {
    throw new OciError('REGISTRY_REFUSED', `Cannot read the bundles of ${subject}: there are more than ${limit}`, {
      hint: 'Remove referrers that nobody needs',
    });
  }
  const pulled: (Buffer | string)[] = [];
  await forEachConcurrently([...listed.entries()], MAX_IN_FLIGHT, async ([index, { digest }]) => {
    pulled[index] = await pullBundle(repository, subject, digest, options.maxBytes ?? DEFAULT_MAX_BYTES);
  });
  const bundles: PulledBundle[] = [];
  const rejected: { referrer: Digest; reason: string }[] = [];
  for (const [index, { digest }] of listed.entries()) {
    const found = pulled[index] ?? 'it was not read';
    if (typeof found === 'string') rejected.push({ referrer: digest, reason: found });
    else bundles.push({ referrer: digest, bytes: found });
  }
  return { bundles, rejected };
}

const MALFORMED = new Set(['MANIFEST_INVALID', 'MANIFEST_AMBIGUOUS', 'DIGEST_MISMATCH']);

/** The bytes, or why there are none. */
async function pullBundle(
  repository: RepositoryClient,
  subject: Digest,
  referrer: Digest,
  maxBytes: number,
): Promise<Buffer | string> {
  try {
    const manifest = (await repository.pullManifest(referrer))?.manifest;
    if (manifest?.kind !== 'image') return 'the referrer is missing or an index';
    if (manifest.subject?.digest !== subject) return 'it is about another subject';
    const layer = bundleLayer(manifest.layers);
    if (layer === undefined) return 'it has not exactly one layer of the type of a bundle';
    if (layer.size > maxBytes) return `its bundle is larger than ${maxBytes} bytes`;
    return await repository.pullBytes(layer);
  } catch (error) {
    if (error instanceof OciError && MALFORMED.has(error.code)) return error.message;
    throw error;
  }
}

function bundleLayer(layers: readonly Descriptor[]): Descriptor | undefined {
  const [layer, ...others] = layers;
  return others.length === 0 && layer?.mediaType === SIGSTORE_BUNDLE ? layer : undefined;
}
