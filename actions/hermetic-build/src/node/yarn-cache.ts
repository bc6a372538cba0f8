import { createHash } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { valid } from 'semver';
import { checkedArchive } from '../build/install.js';
import type { Installed, InstallOptions } from '../kinds/locked-project.js';
import type { Node } from '../lockfile/tree.js';
import { parseLocator } from './berry-locator.js';
import { invalid } from './place-packages.js';
import { yarnZipSha512 } from './yarn-zip.js';

const SHORT = 10;
const FALLBACK_KEY = '10c0';
const FILE = /^@?[A-Za-z0-9~_-][A-Za-z0-9.~_+-]{0,250}$/;

/**
 * Fills a cache of yarn 2 and later with the zips that its lock file has the checksums of, so that a command can run the yarn of the
 * repository offline: for PnP, and for `yarn run`. It works on a copy, because yarn adds the packages that it patches itself.
 */
export async function installYarnCache(
  nodes: ReadonlyMap<string, Node>,
  { bundlePath, depsPath, visibleDepsPath, home, sourceDateEpoch }: InstallOptions,
): Promise<Pick<Installed, 'environment' | 'prelude'>> {
  const folder = join(depsPath, 'yarn-cache');
  await mkdir(folder);
  const key = [...nodes.values()].map(({ package: { entry } }) => entry.zipChecksum?.split('/')[0]).find(Boolean);
  const done = new Set<string>();
  for (const { package: locked } of nodes.values()) {
    const { name, version, entry } = locked;
    const file = cacheFile(entry.locator ?? '', entry.zipChecksum, key ?? FALLBACK_KEY);
    if (done.has(file)) continue;
    done.add(file);
    const archive = await checkedArchive(locked, { bundlePath, lockKind: 'berry' });
    const chunks: Buffer[] = [];
    await yarnZipSha512(`${name}@${version}`, archive, name, (bytes) => chunks.push(bytes));
    await writeFile(join(folder, file), Buffer.concat(chunks));
    await utimes(join(folder, file), sourceDateEpoch, sourceDateEpoch);
  }
  const cache = `${home}/yarn-cache`;
  return {
    environment: {
      YARN_CACHE_FOLDER: cache,
      YARN_ENABLE_GLOBAL_CACHE: 'false',
      YARN_ENABLE_NETWORK: 'false',
      YARN_ENABLE_TELEMETRY: 'false',
    },
    prelude: `mkdir -p '${home}'\ncp -R '${visibleDepsPath}/yarn-cache' '${cache}'\nchmod -R u+w '${cache}'\n`,
  };
}

/** As yarn names it: a readable part, ten digits of the locator's hash, and ten of the checksum or, without one, the cache key. */
export function cacheFile(locator: string, checksum: string | undefined, key: string): string {
  const { name, reference, protocol, selector } = parseLocator(locator);
  const [, scope = '', bare = name] = /^@([^/]+)\/(.+)$/.exec(name) ?? [];
  const hash = sha512(`${sha512(`${scope}${bare}`)}${reference}`).slice(0, SHORT);
  const version = valid(selector);
  const words = [
    scope === '' ? bare : `@${scope}-${bare}`,
    protocol.replace(/:$/, ''),
    ...(version === null ? [] : [version]),
  ];
  const tail = checksum === undefined ? key : checksum.slice(checksum.indexOf('/') + 1).slice(0, SHORT);
  const file = `${words.join('-')}-${hash}-${tail}.zip`;
  // Attack: a name such as `../../x` would be written outside of the cache.
  if (!FILE.test(file)) throw invalid(`"${locator.slice(0, 200)}" names no package`);
  return file;
}

function sha512(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
