import { constants } from 'node:fs';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestStream, digestHex } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { buildArtifactManifest, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from './build-manifest.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { OCI_INDEX, OCI_MANIFEST } from './media-type.js';

export interface ArtifactFile {
  /** Where it is now. */
  readonly path: string;
  /** Relative path with `/` under which a puller stores it: `org.opencontainers.image.title`. */
  readonly name: string;
  /** Default `application/octet-stream`. */
  readonly mediaType?: string;
}

export interface ArtifactLayoutOptions {
  readonly artifactType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface BuiltLayout {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

const TITLE = 'org.opencontainers.image.title';

/**
 * Writes `files` as an OCI artifact layout into `targetDir`, which must be empty: empty config, one layer per file in the order of
 * their names. Equal files, names and options give equal bytes; no clock, owner or mode enters.
 * @throws {OciError} `LAYOUT_INVALID` for no file, an unsafe or repeated name, or something that is not a regular file
 */
export async function buildArtifactLayout(
  files: readonly ArtifactFile[],
  options: ArtifactLayoutOptions,
  targetDir: string,
): Promise<BuiltLayout> {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  assertNames(sorted.map((file) => file.name));
  const blobs = join(targetDir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const layers: Descriptor[] = [];
  for (const file of sorted) layers.push(await copyBlob(file, blobs));
  const manifest = buildArtifactManifest({ ...options, layers });
  await writeBlob(blobs, EMPTY_CONFIG.digest, EMPTY_CONFIG_BYTES);
  await writeBlob(blobs, manifest.digest, manifest.bytes);
  const entry = {
    mediaType: OCI_MANIFEST,
    digest: manifest.digest,
    size: manifest.bytes.length,
    artifactType: options.artifactType,
  };
  const index = canonicalJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] });
  await writeFile(join(targetDir, 'index.json'), index, { flag: 'wx' });
  await writeFile(join(targetDir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}', { flag: 'wx' });
  return { digest: manifest.digest, size: manifest.bytes.length };
}

function assertNames(names: readonly string[]): void {
  if (names.length === 0)
    throw new OciError('LAYOUT_INVALID', 'Cannot build a layout: there are no files', {
      hint: 'Name at least one file',
    });
  names.forEach((name, position) => {
    const parts = name.split('/');
    const unsafe = parts.some((part) => part === '' || part === '.' || part === '..');
    // Pullers write a title to disk as it stands: the same rules as for an archive's members.
    if (unsafe || /[\\\p{Cc}:]/u.test(name)) throw unsafeName(name, 'it is no plain relative path');
    if (names[position - 1] === name) throw unsafeName(name, 'two files have it');
  });
}

async function copyBlob(file: ArtifactFile, blobs: string): Promise<Descriptor> {
  const source = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause) => {
      throw new OciError('LAYOUT_INVALID', `Cannot read "${file.name}": it is missing or a link`, {
        cause,
        hint: 'Replace the link by the file itself, or check the name',
      });
    },
  );
  if (!(await source.stat()).isFile()) {
    await source.close();
    throw unsafeName(file.name, 'it is not a regular file');
  }
  const partial = join(blobs, '.partial');
  const target = await open(partial, 'w', 0o600);
  const hashing = new DigestStream();
  await pipeline(source.createReadStream(), hashing, target.createWriteStream());
  await rename(partial, join(blobs, digestHex(hashing.digest)));
  return {
    mediaType: file.mediaType ?? 'application/octet-stream',
    digest: hashing.digest,
    size: hashing.size,
    annotations: { [TITLE]: file.name },
  };
}

async function writeBlob(blobs: string, digest: Digest, bytes: Uint8Array): Promise<void> {
  await writeFile(join(blobs, digestHex(digest)), bytes, { mode: 0o600 });
}

function unsafeName(name: string, state: string): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot put ${JSON.stringify(name.slice(0, 120))} into a layout: ${state}`, {
    hint: 'Rename the file',
  });
}
