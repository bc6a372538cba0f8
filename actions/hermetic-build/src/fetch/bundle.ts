import { mkdir } from 'node:fs/promises';
import type { HttpClient } from '@paved/http';
import { HermeticBuildError } from '../error.js';
import { sha512Of } from '../lockfile/integrity.js';
import type { Node } from '../lockfile/tree.js';
import { type StoredArchive, storeArchive } from './download.js';
import { eachAtOnce } from './each-at-once.js';
import { inspectArchive } from './inspect-archive.js';
import { packageSource } from './package-source.js';

export interface BundleOptions {
  readonly http: HttpClient;
  readonly projectPath: string;
  readonly bundlePath: string;
  readonly registry: URL | undefined;
  readonly defaultRegistry: () => Promise<URL>;
  readonly onProgress: (done: number, all: number) => void;
}

/** An archive and what it says of itself. */
export interface FetchedArchive extends StoredArchive {
  readonly licence?: string;
}

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
  let total = 0;
  let done = 0;
  await eachAtOnce(groups, CONCURRENCY, async ({ nodes: sharing, source, allowed }) => {
    const [first] = sharing;
    if (first === undefined) return;
    const { name, version } = first.package;
    const stored = await storeArchive(`${name}@${version}`, source, allowed, options);
    total += stored.size;
    if (total > MAX_TOTAL_BYTES) throw tooLarge();
    const facts = await inspectArchive(stored.path, name, version);
    for (const node of sharing) fetched.set(node.package.key, { ...stored, ...facts });
    options.onProgress(++done, groups.length);
  });
  return fetched;
}

async function planFetches(nodes: readonly Node[], options: BundleOptions) {
  let registry: Promise<URL> | undefined;
  const defaultRegistry = () => {
    registry ??= options.defaultRegistry();
    return registry;
  };
  const groups = new Map<
    string,
    { nodes: Node[]; source: Awaited<ReturnType<typeof packageSource>>; allowed: readonly string[] }
  >();
  for (const node of nodes) {
    const { name, version, key, entry } = node.package;
    if (entry.inBundle === true) continue;
    const source = await packageSource(node.package, options.registry, defaultRegistry);
    const allowed = sha512Of(key, entry.integrity);
    const id = `${name} ${version} ${allowed.join(' ')}`;
    const group = groups.get(id) ?? { nodes: [], source, allowed };
    group.nodes.push(node);
    groups.set(id, group);
  }
  return [...groups.values()];
}

function tooLarge(): HermeticBuildError {
  return new HermeticBuildError(
    'ARCHIVE_UNSAFE',
    `Cannot fetch the packages: together they exceed ${MAX_TOTAL_BYTES} bytes`,
  );
}
