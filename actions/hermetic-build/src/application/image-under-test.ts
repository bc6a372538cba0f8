import { createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Content } from '@paved/oci';
import { invalidImage } from '../image/description.js';
import { tarBytes } from '../image/flatten-layout.js';
import { blobOf, type ConfigFields, fieldsOf, imagesOfLayout, type LayoutImage } from '../image/layout-images.js';
import { MergedTree, type TreeNode } from '../image/merged-tree.js';
import { readTar } from '../image/tar-reader.js';
import { unpackedLayer } from '../image/unpacked-layer.js';
import { PROGRAM_HEAD_BYTES, programInterpreter } from './program-interpreter.js';

/** An image as a file system in one tar, and what of it a test must know before anything of it runs. */
export interface ImageUnderTest {
  readonly platform: string;
  readonly config: ConfigFields;
  readonly tarPath: string;
  /** Of all files, unpacked. */
  readonly bytes: number;
  /** Devices, pipes: nothing that a program of the image may open. */
  readonly left: readonly string[];
  /** Undefined when the image names nobody, or somebody whom its /etc/passwd does not know. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly entrypoint: readonly string[];
  readonly environment: readonly string[];
  readonly workingFolder: string;
  /** Where the program is, its loader when it has one; undefined when there is no such program. */
  readonly program: { readonly path: string; readonly loader?: string; readonly missing?: string } | undefined;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };
const MAX_BYTES = 4 * 1024 ** 3;
const MAX_ENTRIES = 500_000;
const MAX_ACCOUNTS_BYTES = 1024 * 1024;
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const KEPT = new Set(['file', 'directory', 'symlink', 'hardlink']);

/** The image that this machine can start. */
export async function runnableImage(layout: Content): Promise<LayoutImage | undefined> {
  const images = await imagesOfLayout(layout);
  const wanted = `linux/${ARCHITECTURES[process.arch] ?? process.arch}`;
  return images.find(({ platform }) => platform === wanted || platform.startsWith(`${wanted}/`));
}

/**
 * Unpacks an image without a name of it touching the disk: its files are kept under numbers, and become one tar.
 * @throws {HermeticBuildError} `IMAGE_INVALID`, also for more than 4 GiB or 500,000 entries
 */
export async function unpackForTest(layout: Content, image: LayoutImage, workDir: string): Promise<ImageUnderTest> {
  const scratch = join(workDir, 'files');
  await mkdir(scratch);
  const { tree, bytes } = await mergeWithin(layout, image, scratch);
  const config = fieldsOf(image.config.config);
  const workingFolder = posix.join('/', String(config.WorkingDir ?? ''));
  const volumes = Object.keys(fieldsOf(config.Volumes)).map((path) => posix.join('/', path));
  for (const path of [workingFolder, ...volumes]) addFolder(tree, path);
  const left: string[] = [];
  const kept = tree.entries().filter(([path, { entry }]) => {
    if (!KEPT.has(entry.type)) left.push(path);
    return KEPT.has(entry.type);
  });
  const tarPath = join(workDir, 'image.tar');
  const now = Math.floor(Date.now() / 1000);
  await pipeline(
    Readable.from(tarBytes(kept, now), { objectMode: false }),
    createWriteStream(tarPath, { mode: 0o600 }),
  );
  const env = textsOf(config.Env).filter((line) => /^[^=-][^=]*=/.test(line));
  const environment = env.some((line) => line.startsWith('PATH=')) ? env : [DEFAULT_PATH, ...env];
  const entrypoint = [...textsOf(config.Entrypoint), ...textsOf(config.Cmd)];
  const user = await userOf(String(config.User ?? ''), tree);
  const program = await programOf(entrypoint[0] ?? '', { tree, environment, workingFolder });
  await rm(scratch, { recursive: true });
  const { platform } = image;
  return { platform, config, tarPath, bytes, left, user, entrypoint, environment, workingFolder, program };
}

async function mergeWithin(
  layout: Content,
  { manifest }: LayoutImage,
  scratch: string,
): Promise<{ readonly tree: MergedTree; readonly bytes: number }> {
  const tree = new MergedTree();
  let [bytes, entries] = [0, 0];
  for (const layer of manifest.layers) {
    tree.startLayer();
    for await (const { content, ...header } of readTar(unpackedLayer(blobOf(layout, layer)))) {
      bytes += header.size;
      if (++entries > MAX_ENTRIES || bytes > MAX_BYTES) {
        throw invalidImage('its layers have more than 4 GiB or 500,000 entries, which is more than a test unpacks');
      }
      if (header.type !== 'file') tree.add(header);
      else {
        const path = join(scratch, String(entries));
        await pipeline(Readable.from(content), createWriteStream(path, { mode: 0o600 }));
        tree.add(header, path);
      }
    }
  }
  return { tree, bytes };
}

/** A runtime makes the working folder and the volumes when the image lacks them. */
function addFolder(tree: MergedTree, path: string): void {
  if (path === '/' || tree.find(path) !== undefined) return;
  const none = { linkname: '', deviceMajor: 0, deviceMinor: 0, mtime: 0, xattrs: new Map<string, Buffer>() };
  tree.add({ name: path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, ...none });
}

/** `user[:group]` by number or by name in the image's own accounts (image-spec 1.1, "User"). */
async function userOf(text: string, tree: MergedTree): Promise<ImageUnderTest['user']> {
  const [user = '', group] = text.split(':');
  if (user === '') return undefined;
  const accounts = await accountsOf(tree, '/etc/passwd');
  const known = accounts.find(([name, , uid]) => name === user || (isNumber(user) && uid === user));
  const uid = isNumber(user) ? user : known?.[2];
  const groups = group === undefined || isNumber(group) ? [] : await accountsOf(tree, '/etc/group');
  const named = groups.find(([name]) => name === group)?.[2];
  const gid = group === undefined ? (known?.[3] ?? '0') : isNumber(group) ? group : named;
  if (uid === undefined || gid === undefined || !isNumber(uid) || !isNumber(gid)) return undefined;
  return { uid: Number(uid), gid: Number(gid) };
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,9}$/.test(text);
}

async function accountsOf(tree: MergedTree, path: string): Promise<readonly (readonly string[])[]> {
  const node = tree.find(path)?.[1];
  if (node?.content === undefined || node.entry.size > MAX_ACCOUNTS_BYTES) return [];
  return (await readFile(node.content, 'utf8')).split('\n').map((line) => line.split(':'));
}

interface ProgramPlace {
  readonly tree: MergedTree;
  readonly environment: readonly string[];
  readonly workingFolder: string;
}

async function programOf(
  name: string,
  { tree, environment, workingFolder }: ProgramPlace,
): Promise<ImageUnderTest['program']> {
  if (name === '') return undefined;
  const path = environment.findLast((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const places = name.includes('/')
    ? [posix.resolve(workingFolder, name)]
    : path.split(':').map((folder) => posix.resolve(workingFolder, folder, name));
  const found = places.map((place) => tree.find(place)).find((node) => node?.[1].content !== undefined);
  if (found === undefined) return undefined;
  return await loaderOf(found, tree);
}

/** A script is as good as its interpreter, which is looked at in its place. */
async function loaderOf(
  [path, node]: readonly [string, TreeNode],
  tree: MergedTree,
): Promise<ImageUnderTest['program']> {
  const interpreter = programInterpreter(await headOf(node.content ?? ''));
  if (interpreter === undefined) return { path };
  const next = tree.find(interpreter.path);
  if (next?.[1].content === undefined) return { path, missing: interpreter.path };
  if (interpreter.kind === 'loader') return { path, loader: interpreter.path };
  const second = programInterpreter(await headOf(next[1].content));
  if (second?.kind !== 'loader') return { path };
  const loader = tree.find(second.path);
  return loader === undefined ? { path, missing: second.path } : { path: next[0], loader: second.path };
}

async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PROGRAM_HEAD_BYTES), 0, PROGRAM_HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String).filter((text) => !text.includes('\0')) : [];
}
