import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const hex = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Writes an OCI layout with one image of one layer, and returns the digest of its manifest. */
export async function writeLayout(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const add = async (mediaType: string, bytes: Buffer) => {
    await writeFile(join(folder, 'blobs/sha256', hex(bytes)), bytes);
    return { mediaType, digest: `sha256:${hex(bytes)}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const archive = pack();
  for (const [name, text] of Object.entries(files)) archive.entry({ name, mode: 0o644 }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  const tar = Buffer.concat(chunks);
  const layer = await add('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar));
  const rootfs = { type: 'layers', diff_ids: [`sha256:${hex(tar)}`] };
  const config = await add(
    'application/vnd.oci.image.config.v1+json',
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await add(mediaType, json({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  await writeFile(join(folder, 'index.json'), json({ schemaVersion: 2, manifests: [manifest] }));
  await writeFile(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  return manifest.digest;
}
