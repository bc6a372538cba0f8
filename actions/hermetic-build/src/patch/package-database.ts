import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PackageChange } from '@paved/attestation';
import type { BlobSource } from '@paved/oci';
import { MergedTree } from '../image/merged-tree.js';
import { readTar } from '../image/tar-reader.js';
import { unpackedLayer } from '../image/unpacked-layer.js';
import { patchRefused } from './patch-error.js';

/** Name (with `:architecture` where a database has several) to version. */
export type InstalledPackages = ReadonlyMap<string, string>;

const DPKG = '/var/lib/dpkg/status';
const APK = '/lib/apk/db/installed';
/** Databases whose packages this machine cannot patch with the programs of the image. */
const OTHERS = ['/var/lib/dpkg/status.d', '/var/lib/rpm', '/usr/lib/sysimage/rpm', '/var/lib/pacman/local'];
const MAX_DATABASE_BYTES = 64 * 1024 * 1024;
const CURE = 'Take a newer base, or one with apt or apk; patch: false builds it as it is';

/**
 * What an image says is installed, read out of its layers; nothing of it is run. `undefined` when it has no packages.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED` for a database of another kind, `IMAGE_INVALID`
 */
export async function installedPackages(
  layers: readonly BlobSource[],
  workDir: string,
): Promise<InstalledPackages | undefined> {
  const scratch = await mkdtemp(join(workDir, 'packages-'));
  try {
    const tree = await treeOf(layers, scratch);
    const other = OTHERS.find((path) => tree.find(path) !== undefined);
    if (other !== undefined) throw patchRefused(`it keeps its packages in ${other}, which is not supported`, CURE);
    const dpkg = await textAt(tree, DPKG);
    const apk = await textAt(tree, APK);
    if (dpkg !== undefined && apk !== undefined) throw patchRefused('it has packages of dpkg and of apk', CURE);
    if (dpkg !== undefined) return readDpkg(dpkg);
    return apk === undefined ? undefined : readApk(apk);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Names and links of the whole image, and the bytes of what may be a database. */
async function treeOf(layers: readonly BlobSource[], scratch: string): Promise<MergedTree> {
  const tree = new MergedTree();
  let count = 0;
  for (const layer of layers) {
    tree.startLayer();
    for await (const { content, ...entry } of readTar(unpackedLayer(layer))) {
      const wanted = entry.type === 'file' && /(?:^|\/)(?:status|installed)$/.test(entry.name);
      if (!wanted || entry.size > MAX_DATABASE_BYTES) tree.add(entry);
      else {
        const path = join(scratch, String(count++));
        await pipeline(Readable.from(content), createWriteStream(path, { mode: 0o600 }));
        tree.add(entry, path);
      }
    }
  }
  return tree;
}

async function textAt(tree: MergedTree, path: string): Promise<string | undefined> {
  const found = tree.find(path);
  if (found === undefined) return undefined;
  const [, { content }] = found;
  if (content === undefined) throw patchRefused(`its ${path} is no file of at most 64 MiB`, CURE);
  return await readFile(content, 'utf8');
}

/** Only what is installed; `Status` says "deinstall ok config-files" of what left its configuration behind. */
function readDpkg(text: string): InstalledPackages {
  const packages = new Map<string, string>();
  for (const stanza of text.split(/\n(?:[ \t]*\n)+/)) {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'im').exec(stanza)?.[1]?.trim() ?? '';
    if (!/ installed$/.test(field('Status'))) continue;
    add(packages, `${field('Package')}:${field('Architecture')}`, field('Version'));
  }
  return packages;
}

function readApk(text: string): InstalledPackages {
  const packages = new Map<string, string>();
  for (const stanza of text.split(/\n\n+/)) {
    const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(stanza)?.[1]?.trim() ?? '';
    if (field('P') !== '') add(packages, field('P'), field('V'));
  }
  return packages;
}

function add(packages: Map<string, string>, name: string, version: string): void {
  const sound = /^[A-Za-z0-9][\w.+~:-]{0,199}$/.test(name) && /^[\w.+~:-]{1,200}$/.test(version);
  if (!sound || packages.has(name)) throw patchRefused('its list of packages is damaged', CURE);
  packages.set(name, version);
}

/** Every package whose version is another, sorted by name. */
export function packageChanges(before: InstalledPackages, after: InstalledPackages): readonly PackageChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === now) return [];
    return [{ name, ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) }];
  });
}
