import { setTimeout as sleep } from 'node:timers/promises';
import { type Digest, digestHex } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import type { Descriptor, FetchedManifest, ImageManifest, RepositoryClient, Tag } from '@paved/oci';
import { SignError } from './error.js';
import { LEGACY_MEDIA_TYPES, type LegacyLayer } from './legacy-layers.js';

type Oci = typeof import('@paved/oci');

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
/** Other signers may write the same tag at the same time. */
const MAX_ROUNDS = 40;
const MAX_DELAY_STEPS = 8;
/** How registries say that a tag changed meanwhile, or must not change. */
const CONFLICT = new Set([400, 405, 409, 412]);

interface Refused {
  readonly digest: Digest | undefined;
  readonly cause: unknown;
}

/**
 * Adds layers to what older verifiers look for, the tag `sha256-<hex>.sig` or `.att`. The change is conditional where the registry
 * supports that, and read back after a pause everywhere, because few do; layers of others stay, also those that another writer lost in
 * between.
 * @throws {SignError} `LEGACY_NOT_PUSHED` when the tag names something else, cannot change, or changes faster than it can be read
 */
export async function addToLegacyTag(
  oci: Oci,
  repository: RepositoryClient,
  subject: Digest,
  suffix: LegacyLayer['suffix'],
  layers: readonly LegacyLayer[],
): Promise<void> {
  const tag = oci.parseTag(`sha256-${digestHex(subject)}.${suffix}`);
  const wanted = new Map<string, Descriptor>();
  for (const layer of layers) {
    const descriptor = { ...oci.describeBytes(layer.mediaType, layer.bytes), annotations: layer.annotations };
    wanted.set(canonicalJson(descriptor), descriptor);
    await repository.pushBlob(oci.bytesSource(descriptor, layer.bytes));
  }
  let refused: Refused | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const current = await repository.pullManifest(tag);
    const image = legacyImage(tag, current);
    const known = new Map((image?.layers ?? []).map((layer) => [canonicalJson(layer), layer]));
    if ([...wanted.keys()].every((key) => known.has(key))) return;
    // Nobody changed it and it was refused all the same: not a race, but a tag that cannot change.
    if (refused !== undefined && refused.digest === current?.manifest.digest) throw immutable(tag, refused.cause);
    // What was seen once is carried along: whoever overwrote it may not look again.
    for (const [key, layer] of known) wanted.set(key, layer);
    const cause = await refusalOf(oci, () => pushLayers(oci, repository, tag, [...wanted.values()], image, current));
    refused = cause === undefined ? undefined : { digest: current?.manifest.digest, cause };
    const steps = refused === undefined ? 2 : Math.min(round + 1, MAX_DELAY_STEPS);
    // Jitter, so that writers that met once do not meet again.
    await sleep(repository.registry.retry.baseDelayMs * (1 + Math.random() * steps));
  }
  throw notPushed(tag, 'something else writes it at the same time', 'Sign one image by one job at a time');
}

/** What is under the tag, when only signers wrote there. */
function legacyImage(tag: Tag, current: FetchedManifest | undefined): ImageManifest | undefined {
  if (current === undefined) return undefined;
  const { manifest } = current;
  const isLegacy =
    manifest.kind === 'image' && manifest.layers.every(({ mediaType }) => LEGACY_MEDIA_TYPES.has(mediaType));
  if (isLegacy) return manifest;
  throw notPushed(
    tag,
    'it names something that holds no signatures',
    'Remove or rename what is under this tag: it belongs to the signatures of the image',
  );
}

async function pushLayers(
  oci: Oci,
  repository: RepositoryClient,
  tag: Tag,
  layers: readonly Descriptor[],
  image: ImageManifest | undefined,
  current: FetchedManifest | undefined,
): Promise<void> {
  const config = Buffer.from(JSON.stringify(configOf(layers)));
  const described = oci.describeBytes(CONFIG, config);
  await repository.pushBlob(oci.bytesSource(described, config));
  const annotations = image?.annotations === undefined ? {} : { annotations: image.annotations };
  const document = { schemaVersion: 2, mediaType: MANIFEST, config: described, layers, ...annotations };
  const manifest = oci.parseManifest(Buffer.from(JSON.stringify(document)), MANIFEST);
  await repository.pushManifest(manifest, { tag, ifMatch: current === undefined ? 'absent' : current.etag });
}

async function refusalOf({ OciError }: Oci, push: () => Promise<void>): Promise<unknown> {
  try {
    await push();
    return undefined;
  } catch (error) {
    if (error instanceof OciError && error.status !== undefined && CONFLICT.has(error.status)) return error;
    throw error;
  }
}

/** An image config whose layers are the layers, as cosign writes it; nobody runs it. */
function configOf(layers: readonly Descriptor[]): unknown {
  return {
    architecture: '',
    os: '',
    created: '0001-01-01T00:00:00Z',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
}

function immutable(tag: Tag, cause: unknown): SignError {
  return notPushed(tag, 'the registry does not let it change', 'Exempt tags that begin with "sha256-" from it', cause);
}

function notPushed(tag: Tag, state: string, hint: string, cause?: unknown): SignError {
  return new SignError('LEGACY_NOT_PUSHED', `Cannot add signatures to ${tag}: ${state}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
