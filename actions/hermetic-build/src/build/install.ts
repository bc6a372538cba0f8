import { chmod, lstat, mkdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { basename, join, posix, relative } from 'node:path';
import { object, parseJson } from '@paved/json';
import { isInside } from '@paved/sandbox';
import { HermeticBuildError } from '../error.js';
import { readInside } from '../kinds/read-inside.js';
import { bins, lenient } from '../lockfile/bin-field.js';
import type { LockEntry } from '../lockfile/entry.js';
import { archiveName, lockedDigest, type NodeLockKind } from '../lockfile/integrity.js';
import type { LockedPackage, Lockfile } from '../lockfile/lockfile.js';
import type { Node } from '../lockfile/tree.js';
import { applyPatch } from '../node/apply-patch.js';
import { yarnZipSha512 } from '../node/yarn-zip.js';
import { safeFolder } from './safe-folder.js';
import { sha512File } from './sha512-file.js';
import { unpack } from './unpack.js';

export interface InstallOptions {
  readonly lockfile: Lockfile;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly bundlePath: string;
  readonly buildPath: string;
  /** Time of each file, in seconds. */
  readonly sourceDateEpoch: number;
  readonly lockKind?: NodeLockKind;
  /** For lock files that do not list commands: each package.json says its own. */
  readonly binsFromArchives?: boolean;
}

/**
 * Lays out node_modules as `npm ci --ignore-scripts` does, from the bundle alone. Own code instead of npm, because the result then
 * depends on the lock file and not on npm's version, npm reads no configuration of the repository, and no `resolved` is rewritten.
 * Each archive is held to the lock file once more: the bundle lay on a disk that other steps can write to.
 * @throws {HermeticBuildError} `BUNDLE_INCOMPLETE`, `INTEGRITY_MISMATCH`, `ARCHIVE_UNSAFE`, `SOURCE_UNSAFE`
 */
export async function installPackages(options: InstallOptions): Promise<void> {
  const { nodes, lockfile, buildPath } = options;
  await removeOldFolders(options);
  // Sorted keys put a package before those nested in it.
  for (const node of nodes.values()) {
    if (node.package.entry.inBundle !== true) await installOne(node, options);
  }
  for (const [key, target] of lockfile.links) await linkFolder(buildPath, key, target);
  await linkBins(options);
}

async function removeOldFolders({ nodes, lockfile, buildPath }: InstallOptions): Promise<void> {
  const keys = [...nodes.keys(), ...lockfile.links.keys()];
  const roots = new Set(keys.map((key) => key.slice(0, `/${key}/`.indexOf('/node_modules/'))));
  for (const root of roots) {
    const folder = await safeFolder(buildPath, root.replace(/\/$/, ''));
    await rm(join(folder, 'node_modules'), { recursive: true, force: true });
  }
}

async function installOne(node: Node, options: InstallOptions): Promise<void> {
  const { key, name, version, entry } = node.package;
  const archive = await checkedArchive(node.package, options);
  const parent = await safeFolder(options.buildPath, posix.dirname(key));
  const target = join(parent, basename(key));
  // The archive of the package around it may have put something there.
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  const label = `${name}@${version}`;
  const { sourceDateEpoch, lockKind = 'npm' } = options;
  await unpack(label, archive, target, sourceDateEpoch, { renameGitignore: lockKind === 'npm' });
  for (const path of entry.patches ?? []) {
    const text = await readInside(options.buildPath, path);
    if (text === undefined) throw missingPatch(label, path);
    await applyPatch(label, text, target, sourceDateEpoch);
  }
}

function missingPatch(label: string, path: string): HermeticBuildError {
  return new HermeticBuildError('PATCH_FAILED', `Cannot patch "${label}": there is no "${path}"`, {
    hint: 'Commit the patch together with the lock file',
  });
}

/** The archive in the bundle that has the locked digest. */
export async function checkedArchive(
  locked: LockedPackage,
  { bundlePath, lockKind = 'npm' }: Pick<InstallOptions, 'bundlePath' | 'lockKind'>,
): Promise<string> {
  const { key, name, version } = locked;
  const digest = lockedDigest(locked, lockKind);
  for (const sha512 of [digest.sha512].flat()) {
    const path = join(bundlePath, archiveName(digest, sha512));
    const info = await lstat(path).catch(() => undefined);
    if (info?.isFile() !== true) continue;
    const label = `${name}@${version}`;
    const found = digest.$case === 'zip' ? await yarnZipSha512(label, path, name) : await sha512File(path);
    if (found === sha512) return path;
    throw new HermeticBuildError('INTEGRITY_MISMATCH', `Cannot install "${key}": its archive changed in the bundle`, {
      hint: 'Run the fetch phase again, and find out which step writes to the bundle',
    });
  }
  throw new HermeticBuildError('BUNDLE_INCOMPLETE', `Cannot install "${key}": its archive is not in the bundle`, {
    hint: 'Give bundle-path the output of a fetch phase over the same lock file',
  });
}

async function linkFolder(buildPath: string, key: string, target: string): Promise<void> {
  const parent = await safeFolder(buildPath, posix.dirname(key));
  await symlink(relative(parent, join(buildPath, target)), join(parent, basename(key)));
}

/** For a command that two packages bring, the first key in order wins. */
async function linkBins({ nodes, lockfile, buildPath, binsFromArchives }: InstallOptions): Promise<void> {
  const owners = await Promise.all(
    [...nodes].map(async ([key, node]) => {
      const entry = binsFromArchives === true ? await readBins(join(buildPath, key)) : node.package.entry;
      return [key, entry, node.package.name] as const;
    }),
  );
  const linked = [...lockfile.links].flatMap(([key, target]) => {
    const entry = target === '' ? lockfile.root : lockfile.workspaces.get(target);
    return entry === undefined ? [] : [[key, entry, entry.name ?? basename(key)] as const];
  });
  for (const [key, entry, name] of [...owners, ...linked]) {
    for (const [command, path] of binsOf(entry, name)) await linkBin(buildPath, key, command, path);
  }
}

/** A package.json that the fetch phase has read before; what is no command in it is none. */
async function readBins(folder: string): Promise<LockEntry> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  const { bin } = parseJson('package.json', text.replace(/^\u{feff}/u, ''), object({ bin: lenient(bins) }));
  return bin === undefined ? {} : { bin };
}

/** Commands with their files. Attack: a command or a file with `..` in it would link or change something else. */
function binsOf(entry: LockEntry, name: string): readonly (readonly [string, string])[] {
  const { bin } = entry;
  const commands = typeof bin === 'string' ? { [posix.basename(name)]: bin } : (bin ?? {});
  return Object.entries(commands).flatMap(([command, path]) => {
    const safe = posix.basename(command);
    const inside = posix.join('/', path).slice(1);
    return /^(\.{0,2}|.*[\\\0].*)$/.test(safe) || inside === '' ? [] : [[safe, inside] as const];
  });
}

async function linkBin(buildPath: string, key: string, command: string, path: string): Promise<void> {
  const modules = key.slice(0, key.lastIndexOf('node_modules/') + 'node_modules'.length);
  const folder = await safeFolder(buildPath, `${modules}/.bin`);
  const file = join(buildPath, key, path);
  const target = join(folder, command);
  if ((await lstat(target).catch(() => undefined)) !== undefined) return;
  await symlink(relative(folder, file), target);
  await makeExecutable(buildPath, file);
}

/** Attack: a workspace with a link to another folder of the machine, and a command behind it: its mode would change. */
async function makeExecutable(buildPath: string, file: string): Promise<void> {
  const real = await realpath(file).catch(() => undefined);
  if (real === undefined || !isInside(real, await realpath(buildPath))) return;
  if ((await lstat(file)).isFile()) await chmod(real, 0o755);
}
