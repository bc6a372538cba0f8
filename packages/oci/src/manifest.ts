import { type Digest, sha256 } from '@paved/digest';
import {
  array,
  type Decoder,
  JsonError,
  literal,
  object,
  optional,
  parseJson,
  record,
  string,
  unknown,
} from '@paved/json';
import { type Descriptor, descriptorDecoder } from './descriptor.js';
import { OciError } from './error.js';
import { manifestKind } from './media-type.js';

interface ManifestBase {
  readonly mediaType: string;
  /** The bytes as they were received or built: they alone are ever hashed, compared and sent. */
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageManifest extends ManifestBase {
  readonly kind: 'image';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex extends ManifestBase {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

export type Manifest = ImageManifest | ImageIndex;

/** Registries must take 4 MiB; nothing larger is read. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const common = {
  schemaVersion: literal(2),
  mediaType: optional(string),
  artifactType: optional(string),
  subject: optional(descriptorDecoder),
  annotations: optional(record(string)),
};
const imageDecoder = object({ ...common, config: descriptorDecoder, layers: array(descriptorDecoder) });
const indexDecoder = object({ ...common, manifests: array(descriptorDecoder) });

const MEMBERS = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'subject',
  'annotations',
  'config',
  'layers',
  'manifests',
];

/**
 * Parses a manifest or index. Whether it is one or the other must not depend on who reads it: a document with members of both, with a
 * `mediaType` other than `mediaType` (its Content-Type or its descriptor's), or with a member that differs from a known one in
 * letter case only (some readers ignore case) is refused.
 * @param mediaType what the document's source says; it decides when the document itself says nothing
 * @throws {OciError} `MANIFEST_AMBIGUOUS`, `MANIFEST_INVALID`
 */
export function parseManifest(bytes: Buffer, mediaType: string): Manifest {
  const kind = manifestKind(mediaType);
  if (kind === undefined) {
    throw new OciError(
      'MANIFEST_INVALID',
      `Cannot read a manifest of type "${mediaType.slice(0, 120)}": it is unknown`,
      {
        hint: 'Only OCI and Docker v2 image manifests and indexes are supported',
      },
    );
  }
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new OciError('MANIFEST_INVALID', `Cannot read a manifest: it has ${bytes.length} bytes, the limit is 4 MiB`, {
      hint: 'Split the image: registries take no larger manifest',
    });
  }
  const document = decode(bytes, record(unknown));
  assertUnambiguous(document, kind, mediaType);
  const base = { mediaType, bytes, digest: sha256(bytes) };
  if (kind === 'image') {
    const { config, layers, ...rest } = decode(bytes, imageDecoder);
    return { kind, ...base, ...optionalMembers(rest), config, layers };
  }
  const { manifests, ...rest } = decode(bytes, indexDecoder);
  return { kind, ...base, ...optionalMembers(rest), manifests };
}

/** The descriptor under which another document names `manifest`. */
export function manifestDescriptor(manifest: Manifest): Descriptor {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
}

function optionalMembers(members: {
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}): Pick<ManifestBase, 'artifactType' | 'subject' | 'annotations'> {
  const { artifactType, subject, annotations } = members;
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function decode<T>(bytes: Buffer, decoder: Decoder<T>): T {
  try {
    // A byte sequence that is not UTF-8 would decode to one text and hash as another.
    return parseJson('a manifest', new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), decoder);
  } catch (cause) {
    const state = cause instanceof JsonError ? cause.message : 'it is not UTF-8';
    throw new OciError('MANIFEST_INVALID', `Cannot read a manifest: ${state}`, {
      cause,
      hint: 'Push the image again with a tool that writes OCI or Docker v2.2 manifests',
    });
  }
}

function assertUnambiguous(document: Readonly<Record<string, unknown>>, kind: string, mediaType: string): void {
  const keys = Object.keys(document);
  const disguised = keys.find((key) =>
    MEMBERS.some((name) => name !== key && name.toLowerCase() === key.toLowerCase()),
  );
  if (disguised !== undefined)
    throw ambiguous(`member ${JSON.stringify(disguised)} differs from a known one in case only`);
  if ('manifests' in document && ('layers' in document || 'config' in document)) {
    throw ambiguous('it has "manifests" beside "layers" or "config"');
  }
  if ('fsLayers' in document || 'history' in document) throw ambiguous('it has members of schema version 1');
  if (document.mediaType !== undefined && document.mediaType !== mediaType) {
    throw ambiguous(`its mediaType is not the ${mediaType} that its source says`);
  }
  if (kind === 'image' && 'manifests' in document)
    throw ambiguous('it is an index under the type of an image manifest');
  if (kind === 'index' && 'layers' in document) throw ambiguous('it is an image manifest under the type of an index');
}

function ambiguous(state: string): OciError {
  return new OciError('MANIFEST_AMBIGUOUS', `Cannot read a manifest: ${state}`, {
    hint: 'Build the image again with a tool that follows image-spec 1.1; two readers could see two different images here',
  });
}
