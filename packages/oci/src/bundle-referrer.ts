import { literal, object, optional, parseJson, unknown } from '@paved/json';
import { type BlobSource, bytesSource } from './blob-source.js';
import { buildArtifactManifest, describeBytes, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from './build-manifest.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import type { ImageManifest } from './manifest.js';
import { SIGSTORE_BUNDLE } from './media-type.js';

/** A manifest with `subject`, and the blobs that it names. */
export interface Referrer {
  readonly manifest: ImageManifest;
  readonly subject: Descriptor;
  readonly blobs: readonly BlobSource[];
  readonly predicateType?: string;
}

export interface BundleReferrerOptions {
  /** The bundle's JSON, sent as it stands. */
  readonly bundle: Uint8Array;
  readonly subject: Descriptor;
  /** RFC 3339; passed in, so that equal input gives an equal digest and a rerun adds nothing. */
  readonly created: string;
  readonly predicateType?: string;
}

const bundleDecoder = object({
  mediaType: literal(SIGSTORE_BUNDLE),
  dsseEnvelope: optional(unknown),
  messageSignature: optional(unknown),
});

/**
 * Builds the referrer under which cosign, oras and gh look for a Sigstore bundle (cosign BUNDLE_SPEC): artifact type and layer type
 * are the bundle's, and annotations say what it holds.
 * @throws {OciError} `MANIFEST_INVALID` when the bytes are not a v0.3 bundle
 */
export function buildBundleReferrer(options: BundleReferrerOptions): Referrer {
  const layer = describeBytes(SIGSTORE_BUNDLE, options.bundle);
  const { predicateType } = options;
  const manifest = buildArtifactManifest({
    artifactType: SIGSTORE_BUNDLE,
    layers: [layer],
    subject: options.subject,
    annotations: {
      'org.opencontainers.image.created': options.created,
      'dev.sigstore.bundle.content': bundleContent(options.bundle),
      ...(predicateType === undefined ? {} : { 'dev.sigstore.bundle.predicateType': predicateType }),
    },
  });
  return {
    manifest,
    subject: options.subject,
    blobs: [bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES), bytesSource(layer, options.bundle)],
    ...(predicateType === undefined ? {} : { predicateType }),
  };
}

function bundleContent(bundle: Uint8Array): 'dsse-envelope' | 'message-signature' {
  try {
    const text = Buffer.from(bundle).toString('utf8');
    const { dsseEnvelope, messageSignature } = parseJson('a Sigstore bundle', text, bundleDecoder);
    if ((dsseEnvelope === undefined) === (messageSignature === undefined))
      throw new Error('it holds not exactly one content');
    return dsseEnvelope === undefined ? 'message-signature' : 'dsse-envelope';
  } catch (cause) {
    throw new OciError('MANIFEST_INVALID', 'Cannot attach a Sigstore bundle: it is not a v0.3 bundle', {
      cause,
      hint: 'Sign again with a tool that writes Sigstore bundles of version 0.3',
    });
  }
}
