import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { digestHex, LimitStream } from '@paved/digest';
import { type ImageManifest, parseReference, RegistryClient } from '@paved/oci';
import type { Taken } from '@paved/runner-kit/source';
import { ScanError } from './error.js';

const SCHEME = 'oci://';
const TRIVY_LAYER = 'application/vnd.aquasec.trivy.db.layer.v1.tar+gzip';

export function isRegistrySource(source: string): boolean {
  return source.startsWith(SCHEME);
}

/**
 * Takes the one layer of trivy's database out of a registry, anonymously, checked against the manifest's digest on the way.
 * @throws {ScanError} `DATABASE_MALFORMED`; `OciError`
 */
export async function takeFromRegistry(source: string, target: string, maxBytes: number): Promise<Taken> {
  const { registry, repository, tag, digest } = parseReference(source.slice(SCHEME.length));
  const refuse = (state: string) =>
    new ScanError('DATABASE_MALFORMED', `Cannot take "${source}": ${state}`, {
      hint: 'Name the repository of a trivy database, as oci://ghcr.io/aquasecurity/trivy-db:2',
    });
  const reference = digest ?? tag;
  if (reference === undefined) throw refuse('it names neither tag nor digest');
  const client = new RegistryClient({ registry });
  try {
    const from = client.repository(repository);
    const manifest = (await from.pullManifest(reference))?.manifest;
    if (manifest?.kind !== 'image') throw refuse('there is no manifest of an image');
    const layer = layerOf(manifest);
    if (layer === undefined) throw refuse(`it has no layer of type ${TRIVY_LAYER}`);
    if (layer.size > maxBytes) throw refuse(`it has ${layer.size} bytes, the limit is ${maxBytes}`);
    await pipeline(
      await from.pullBlob(layer),
      new LimitStream(`"${source}"`, maxBytes),
      createWriteStream(target, { flags: 'wx', mode: 0o600 }),
    );
    return { source, sha256: digestHex(layer.digest) };
  } finally {
    client.close();
  }
}

function layerOf({ layers }: ImageManifest) {
  const found = layers.filter(({ mediaType }) => mediaType === TRIVY_LAYER);
  return found.length === 1 ? found[0] : undefined;
}
