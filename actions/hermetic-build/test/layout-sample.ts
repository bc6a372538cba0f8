import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestHex, sha256 } from '@paved/digest';
import { OCI_MANIFEST } from '@paved/oci';
import { writeLayoutFiles } from '../src/image/normalize-layout.js';
import { paddingOf, type TarEntry, type TarType } from '../src/image/tar-entry.js';
import { TAR_END, tarHeader } from '../src/image/tar-writer.js';

export interface SampleEntry extends Partial<Omit<TarEntry, 'size'>> {
  readonly name: string;
  readonly text?: string;
  /** In place of a text. */
  readonly bytes?: Buffer;
}

export function entryOf({ text = '', bytes, ...entry }: SampleEntry): TarEntry {
  const type: TarType = entry.type ?? (entry.name.endsWith('/') ? 'directory' : 'file');
  return {
    mode: 0o644,
    uid: 0,
    gid: 0,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    mtime: 5,
    xattrs: new Map(),
    ...entry,
    type,
    size: type === 'file' ? (bytes?.length ?? Buffer.byteLength(text)) : 0,
  };
}

export function tarOf(entries: readonly SampleEntry[]): Buffer {
  const parts = entries.flatMap((sample) => {
    const entry = entryOf(sample);
    const content = entry.type === 'file' ? (sample.bytes ?? Buffer.from(sample.text ?? '')) : Buffer.alloc(0);
    return [tarHeader(entry), content, Buffer.alloc(paddingOf(content.length))];
  });
  return Buffer.concat([...parts, TAR_END]);
}

export type Packing = 'plain' | 'gzip' | 'zstd';

/** Writes an image of these layers as a layout; `config` is what a runtime reads. */
export async function writeLayout(
  path: string,
  layers: readonly Buffer[],
  options: { readonly config?: unknown; readonly packing?: Packing; readonly created?: string } = {},
): Promise<void> {
  const { config = {}, packing = 'plain', created = '2024-01-01T00:00:00Z' } = options;
  const blobs = join(path, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const blob = async (mediaType: string, bytes: Buffer) => {
    const digest = sha256(bytes);
    await writeFile(join(blobs, digestHex(digest)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const base = 'application/vnd.oci.image.layer.v1.tar';
  const packed = { plain: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync }[packing];
  const type = packing === 'plain' ? base : `${base}+${packing}`;
  const descriptors = [];
  for (const layer of layers) descriptors.push(await blob(type, packed(layer)));
  const document = {
    created,
    os: 'linux',
    architecture: 'amd64',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256(layer)) },
  };
  const configDescriptor = await blob(
    'application/vnd.oci.image.config.v1+json',
    Buffer.from(JSON.stringify(document)),
  );
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: configDescriptor, layers: descriptors };
  await writeLayoutFiles(path, await blob(OCI_MANIFEST, Buffer.from(JSON.stringify(manifest))));
}
