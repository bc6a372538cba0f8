import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { array, object, optional, parseJson, record, string } from '@paved/json';
import type { World } from './world.js';

export interface PublishedBundle {
  readonly predicateType: string;
  /** File that cosign can judge. */
  readonly path: string;
  readonly referrer: string;
}

export interface PublishedFile {
  readonly name: string;
  readonly path: string;
}

export interface Published {
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly string[];
  /** Bytes of the OCI manifest, which every statement is about. */
  readonly manifestPath: string;
  readonly files: readonly PublishedFile[];
  readonly bundles: readonly PublishedBundle[];
}

const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PREDICATE_TYPE = 'dev.sigstore.bundle.predicateType';
const TITLE = 'org.opencontainers.image.title';
/** An index has none of its own. */
const manifest = object({ layers: optional(array(object({ digest: string, annotations: optional(record(string)) }))) });

/** Reads what the registry holds for `digest`, and writes each file and each bundle below `folder`. */
export function readPublished(world: World, repository: string, digest: string, folder: string): Published {
  const stored = world.registry.store.repository(repository);
  const layers = (bytes: Buffer) => parseJson('a manifest', bytes.toString('utf8'), manifest).layers ?? [];
  mkdirSync(folder, { recursive: true });
  const files = layers(stored.manifests.get(digest)?.bytes ?? Buffer.from('{"layers":[]}')).map((layer) => {
    const name = layer.annotations?.[TITLE] ?? 'file';
    return { name, path: writeBlob(stored.blobs, layer.digest, join(folder, 'files', name)) };
  });
  const manifestPath = join(folder, 'manifest.json');
  writeFileSync(manifestPath, stored.manifests.get(digest)?.bytes ?? '');
  const bundles = stored
    .referrersOf(digest)
    .filter((referrer) => referrer.artifactType === BUNDLE_TYPE)
    .map((referrer, index) => {
      const predicateType = referrer.annotations?.[PREDICATE_TYPE] ?? 'message signature';
      const name = `${index}-${predicateType.replaceAll(/[^a-zA-Z0-9.]+/g, '-')}.sigstore.json`;
      const path = writeBlob(stored.blobs, layers(referrer.bytes)[0]?.digest ?? '', join(folder, 'bundles', name));
      return { predicateType, path, referrer: referrer.digest };
    });
  const tags = [...stored.tags]
    .filter(([name, target]) => target === digest && !name.startsWith('sha256-'))
    .map(([name]) => name);
  return { repository, digest, tags, manifestPath, files, bundles };
}

function writeBlob(blobs: ReadonlyMap<string, Buffer>, digest: string, path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, blobs.get(digest) ?? '');
  return path;
}

/** All tags of all repositories that a release could have left. */
export function tagsOf(world: World, repository: string): readonly string[] {
  return world.registry.store.has(repository) ? [...world.registry.store.repository(repository).tags.keys()] : [];
}
