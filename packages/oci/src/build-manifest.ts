import { parseDigest, sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { type ImageManifest, MAX_MANIFEST_BYTES, parseManifest } from './manifest.js';
import { OCI_EMPTY, OCI_MANIFEST } from './media-type.js';

/** The two bytes `{}` (image-spec 1.1, "Guidance for an Empty Descriptor"). */
export const EMPTY_CONFIG_BYTES: Uint8Array = Buffer.from('{}');

export const EMPTY_CONFIG: Descriptor = {
  mediaType: OCI_EMPTY,
  digest: parseDigest('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'),
  size: 2,
};

export interface ArtifactManifestOptions {
  readonly artifactType: string;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Builds an artifact manifest with the empty config; equal input gives equal bytes, because the JSON is canonical (RFC 8785). */
export function buildArtifactManifest(options: ArtifactManifestOptions): ImageManifest {
  const annotations = options.annotations ?? {};
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: options.artifactType,
    config: EMPTY_CONFIG,
    layers: options.layers,
    ...(options.subject === undefined ? {} : { subject: bare(options.subject) }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const bytes = Buffer.from(canonicalJson(document));
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new OciError('LAYOUT_INVALID', `Cannot build a manifest: it would have ${bytes.length} bytes`, {
      hint: 'Pack the files into fewer, larger ones',
    });
  }
  const manifest = parseManifest(bytes, OCI_MANIFEST);
  if (manifest.kind !== 'image') throw new TypeError('Cannot happen: the media type says image');
  return manifest;
}

/** Descriptor of bytes that are in memory. */
export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
