import { relativePath, sha256Field, timestamp } from '@paved/attestation';
import type { Digest } from '@paved/digest';
import { array, type Decoder, integer, literal, object, readJsonFile, refine, string } from '@paved/json';
import { EvidenceError } from './error.js';

export const EVIDENCE_MANIFEST_MEDIA_TYPE = 'application/vnd.paved.evidence-manifest.v1+json';
export const MANIFEST_NAME = 'manifest.json';

export interface EvidenceFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly sha256: Digest;
  readonly mediaType: string;
}

/** Table of contents of a pack (docs/schemas/evidence-manifest.schema.json); its own digest is the key in the store. */
export interface EvidenceManifest {
  readonly mediaType: typeof EVIDENCE_MANIFEST_MEDIA_TYPE;
  readonly artifact: {
    readonly name: string;
    readonly architecture: string;
    readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  };
  readonly run: {
    readonly repository: string;
    readonly repositoryId: string;
    readonly sha: string;
    readonly ref: string;
    readonly runId: string;
    readonly runAttempt: string;
  };
  readonly createdAt: string;
  /** Sorted by path. */
  readonly files: readonly EvidenceFile[];
}

/** What may be part of a path: the name of an artifact is a folder of the store. */
export const SAFE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** Attack: an artifact `../other`, whose evidence would lie outside of the store. */
const safeName = refine(string, (text) => {
  if (SAFE_NAME.test(text)) return text;
  throw new EvidenceError('PACK_INVALID', `Cannot use ${JSON.stringify(text.slice(0, 100))} as a name`, {
    hint: 'Use letters, digits and . _ - in name and architecture',
  });
});

const decodeManifest: Decoder<EvidenceManifest> = object({
  mediaType: literal(EVIDENCE_MANIFEST_MEDIA_TYPE),
  artifact: object({
    name: safeName,
    architecture: safeName,
    subjects: array(object({ name: string, digest: sha256Field })),
  }),
  run: object({
    repository: string,
    repositoryId: string,
    sha: string,
    ref: string,
    runId: string,
    runAttempt: string,
  }),
  createdAt: timestamp,
  files: array(object({ path: relativePath, size: integer, sha256: sha256Field, mediaType: string })),
});

/** @throws {EvidenceError} `PACK_INVALID` */
export async function readManifest(path: string): Promise<EvidenceManifest> {
  let manifest: EvidenceManifest;
  try {
    manifest = await readJsonFile(path, decodeManifest);
  } catch (cause) {
    throw new EvidenceError('PACK_INVALID', 'Cannot read the manifest of the pack', {
      cause,
      hint: 'Run evidence-upload with mode: pack first and pass its pack-path',
    });
  }
  const paths = manifest.files.map((file) => file.path);
  if (new Set(paths).size !== paths.length || paths.includes(MANIFEST_NAME)) {
    throw new EvidenceError(
      'PACK_INVALID',
      'Cannot accept the manifest of the pack: it lists a path twice, or itself',
      { hint: 'Assemble the pack again, and hand it over without changes' },
    );
  }
  return manifest;
}

/** By folder of the layout; what a file says about itself is not asked. */
export function mediaTypeOf(path: string): string {
  if (path.endsWith('-cyclonedx.json')) return 'application/vnd.cyclonedx+json';
  if (path.endsWith('-spdx.json')) return 'application/spdx+json';
  if (path.startsWith('attestations/')) return 'application/vnd.dev.sigstore.bundle.v0.3+json';
  if (path.endsWith('.jsonl')) return 'application/jsonl';
  return path.endsWith('.json') ? 'application/json' : 'text/plain; charset=utf-8';
}
