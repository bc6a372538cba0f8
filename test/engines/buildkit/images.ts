import { statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openLayout, readBlob } from '@paved/oci';
import type { RegistryDouble } from '@paved/testkit';
import { buildImage } from '../../../actions/hermetic-build/src/image/build-image.js';
import type { ImageDescription } from '../../../actions/hermetic-build/src/image/description.js';

/** A file or folder of this machine, or a text. */
export type FileSource = { readonly source: string } | { readonly text: string };

/** By absolute path in the image. */
export type ImageFiles = Readonly<Record<string, FileSource>>;

export interface ImageOptions {
  readonly platforms: Readonly<Record<string, ImageFiles>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

const MAX_BYTES = 512 * 1024 * 1024;

/** Makes an image without any daemon, and puts it where a registry would have it. Returns its digest. */
export async function publishImage(
  registry: RegistryDouble,
  folder: string,
  repository: string,
  { platforms, ...config }: ImageOptions,
): Promise<string> {
  const work = await mkdtemp(join(folder, 'image-'));
  const described: Record<string, { files: { from: string; to: string; mode?: string }[] }> = {};
  for (const [platform, files] of Object.entries(platforms)) {
    const own = join('files', platform.replaceAll('/', '-'));
    for (const [path, file] of Object.entries(files)) {
      const target = join(work, own, path);
      await mkdir(dirname(target), { recursive: true });
      if ('text' in file) await writeFile(target, file.text);
      else await cp(file.source, target, { dereference: true, recursive: true });
    }
    const list = Object.entries(files).map(([path, file]) => {
      const folder = 'source' in file && statSync(file.source).isDirectory();
      return { from: join(own, path), to: path, ...(folder ? {} : { mode: '0755' }) };
    });
    described[platform] = { files: list };
  }
  const layoutPath = join(work, 'layout');
  await mkdir(layoutPath);
  const image: ImageDescription = { platforms: described, ...config };
  await buildImage(image, { filesPath: work, sourcePath: work, layoutPath, sourceDateEpoch: 1_700_000_000 });
  return await publishLayout(registry, repository, layoutPath);
}

async function publishLayout(registry: RegistryDouble, repository: string, layoutPath: string): Promise<string> {
  const layout = await openLayout(layoutPath);
  const stored = registry.store.repository(repository);
  for (const blob of layout.blobs) stored.blobs.set(blob.descriptor.digest, await readBlob(blob, MAX_BYTES));
  for (const { digest, mediaType, bytes } of layout.manifests) {
    const absent = { subject: undefined, artifactType: undefined, annotations: undefined };
    stored.manifests.set(digest, { digest, mediaType, bytes, ...absent });
  }
  stored.tags.set('1', layout.root.digest);
  return layout.root.digest;
}

/** What the config of the only image of a layout says. */
export async function configOf(layoutPath: string): Promise<Record<string, unknown>> {
  const { root } = await openLayout(layoutPath);
  if (root.kind !== 'image') throw new Error('Cannot read the config of an index');
  const path = join(layoutPath, 'blobs/sha256', root.config.digest.slice('sha256:'.length));
  return JSON.parse(await readFile(path, 'utf8'));
}
