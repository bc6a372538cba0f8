import { mkdir } from 'node:fs/promises';
import type { HttpClient } from '@paved/http';
import { HermeticBuildError } from '../error.js';
import { archiveName, type LockedDigest, lockedDigest, type NodeLockKind } from '../lockfile/integrity.js';
import type { Node } from '../lockfile/tree.js';
import { yarnZipSha512 } from '../node/yarn-zip.js';
import { mismatch, type StoredArchive, storeFile } from './download.js';
import { eachAtOnce } from './each-at-once.js';
import { type ArchiveFacts, assertInner, type InnerPackage, inspectArchive } from './inspect-archive.js';
import type { NamedHosts } from './named-hosts.js';
import { assertNamed } from './package-origin.js';
import { type PackageSource, packageSource } from './package-source.js';

export interface BundleOptions {
  readonly http: HttpClient;
  readonly projectPath: string;
  readonly lockKind: NodeLockKind;
  readonly bundlePath: string;
  readonly registry: URL | undefined;
  readonly hosts: NamedHosts;
  /** Of this user, whose word it is. */
  readonly defaultRegistry: () => Promise<URL>;
  readonly onProgress: (done: number, all: number) => void;
}

/** An archive and what it says of itself. */
export interface FetchedArchive extends StoredArchive, ArchiveFacts {}

const CONCURRENCY = 12;
const MAX_TOTAL_BYTES = 16 * 1024 ** 3;

/**
 * Fetches the archive of every package of the tree that has one of its own (bundled ones come inside another), once per digest.
 * Nothing of what is fetched is run or unpacked. The result is by key of the tree; all are checked before any is fetched.
 * @throws {HermeticBuildError} for the first entry that is refused; the bundle is then incomplete and must not be used
 */
export async function fetchBundle(
  nodes: ReadonlyMap<string, Node>,
  options: BundleOptions,
): Promise<ReadonlyMap<string, FetchedArchive>> {
  await mkdir(options.bundlePath, { recursive: true });
  const groups = await planFetches([...nodes.values()], options);
  const fetched = new Map<string, FetchedArchive>();
  const inside = innerByCarrier(nodes);
  let total = 0;
  let done = 0;
  await eachAtOnce(groups, CONCURRENCY, async ({ nodes: sharing, source, locked }) => {
    const [first] = sharing;
    if (first === undefined) return;
    const { name, version } = first.package;
    const stored = await storeArchive(name, version, source, locked, options);
    total += stored.size;
    if (total > MAX_TOTAL_BYTES) throw tooLarge();
    const facts = await inspectArchive(stored.path, name, version);
    for (const node of sharing) {
      assertInner(`${name}@${version}`, facts, inside.get(node.package.key) ?? []);
      fetched.set(node.package.key, { ...stored, ...facts });
    }
    options.onProgress(++done, groups.length);
  });
  return fetched;
}

function innerByCarrier(nodes: ReadonlyMap<string, Node>): ReadonlyMap<string, readonly InnerPackage[]> {
  const inside = new Map<string, InnerPackage[]>();
  for (const { package: locked } of nodes.values()) {
    if (locked.entry.inBundle !== true) continue;
    const carrier = carrierOf(locked.key, nodes);
    const entry = { path: locked.key.slice(carrier.length + 1), name: locked.name, version: locked.version };
    inside.set(carrier, [...(inside.get(carrier) ?? []), entry]);
  }
  return inside;
}

/** The nearest package around `key` that is not bundled itself. */
export function carrierOf(key: string, nodes: ReadonlyMap<string, Node>): string {
  for (let end = key.lastIndexOf('/node_modules/'); end > 0; end = key.lastIndexOf('/node_modules/', end - 1)) {
    const carrier = key.slice(0, end);
    const found = nodes.get(carrier);
    if (found !== undefined && found.package.entry.inBundle !== true) return carrier;
  }
  return key;
}

/** Stores the bytes under the digest that was locked, and only if they have it. */
async function storeArchive(
  name: string,
  version: string,
  source: PackageSource,
  locked: LockedDigest,
  options: BundleOptions,
): Promise<StoredArchive> {
  const label = `${name}@${version}`;
  return await storeFile(label, source, options, async (part, { sha512 }) => {
    if (locked.$case === 'archive') {
      if (!locked.sha512.includes(sha512)) throw mismatch(label, source, 'sha512', sha512, locked.sha512[0]);
    } else {
      const found = await yarnZipSha512(label, part, name);
      if (found !== locked.sha512) throw mismatch(label, source, 'sha512 of the zip', found, locked.sha512);
    }
    return archiveName(locked, sha512);
  });
}

interface Group {
  readonly nodes: Node[];
  readonly source: PackageSource;
  readonly locked: LockedDigest;
}

async function planFetches(nodes: readonly Node[], options: BundleOptions) {
  let registry: Promise<URL> | undefined;
  const defaultRegistry = () => {
    registry ??= options.defaultRegistry().then((url) => options.hosts.add(url));
    return registry;
  };
  // What "resolved" names may be the user's own registry; without npm nothing is known of that.
  if (options.registry === undefined) await defaultRegistry().catch(() => undefined);
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    const { name, version, entry } = node.package;
    if (entry.inBundle === true) continue;
    assertNamed(node.package);
    const source = await packageSource(node.package, options.registry, defaultRegistry, options.hosts);
    const locked = lockedDigest(node.package, options.lockKind);
    const id = `${name} ${version} ${[locked.sha512].flat().join(' ')}`;
    const group = groups.get(id) ?? { nodes: [], source, locked };
    group.nodes.push(node);
    groups.set(id, group);
  }
  return [...groups.values()];
}

function tooLarge(): HermeticBuildError {
  return new HermeticBuildError(
    'ARCHIVE_UNSAFE',
    `Cannot fetch the packages: together they exceed ${MAX_TOTAL_BYTES} bytes`,
    { hint: 'Split the build: remove dependencies that it does not need' },
  );
}
