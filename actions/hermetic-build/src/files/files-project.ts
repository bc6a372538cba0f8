import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FetchedPackage } from '@paved/bom';
import { digestHex, sha256 } from '@paved/digest';
import { array, type Decoder, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { parse } from 'yaml';
import { HermeticBuildError } from '../error.js';
import { mismatch, storeFile } from '../fetch/download.js';
import { eachAtOnce } from '../fetch/each-at-once.js';
import { urlSource } from '../fetch/package-source.js';
import { type BundleFile, placeFile, readBundleIndex, writeBundleIndex } from '../kinds/bundle-index.js';
import type { Fetched, FetchOptions, Installed, InstallOptions, LockedProject } from '../kinds/locked-project.js';
import { readInside } from '../kinds/read-inside.js';
import { packagePurl } from '../lockfile/purl.js';

export const FILES_LOCK = 'artifacts.lock.yaml';
const CONCURRENCY = 6;
const MAX_FILE_BYTES = 8 * 1024 ** 3;

interface LockedFile {
  readonly name: string;
  readonly url: URL;
  /** Lower-case hex. */
  readonly sha256: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/;
const checksum: Decoder<string> = refine(string, (text) => {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(text)?.[1];
  if (hex !== undefined) return hex;
  throw new HermeticBuildError(
    'INTEGRITY_WEAK',
    `Cannot use ${FILES_LOCK}: a checksum is not "sha256:<64 hex digits>"`,
    {
      hint: 'Write the sha256 of each file, as its publisher states it',
    },
  );
});
const document = object({
  metadata: object({ version: literal('1.0') }),
  artifacts: array(object({ download_url: string, checksum, filename: optional(string) })),
});

/**
 * Plain files by address and sha256, in the format of hermeto's generic fetcher: `metadata.version` 1.0 and `artifacts` with
 * `download_url`, `checksum` and `filename`. The command finds them in the folder that PAVED_FILES names.
 * @throws {HermeticBuildError} `LOCKFILE_MISSING`, `LOCKFILE_INVALID`, `INTEGRITY_WEAK`, `DEPENDENCY_INSECURE`
 */
export async function openFilesProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const text = await readInside(sourcePath, lockfilePath);
  if (text === undefined) {
    throw new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${lockfilePath}": there is no such file`, {
      hint: 'List each file with download_url and checksum',
    });
  }
  const files = readFiles(text);
  return {
    lockfiles: [{ path: lockfilePath, kind: 'generic', sha256: digestHex(sha256(text)) }],
    registryKind: undefined,
    fetch: (options) => fetchFiles(files, options),
    install: (options) => installFiles(files, options),
  };
}

export function readFiles(text: string): readonly LockedFile[] {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0, schema: 'core' });
  } catch (cause) {
    throw invalid('it is not YAML', cause);
  }
  const { artifacts } = parseJson(FILES_LOCK, JSON.stringify(value ?? null), document);
  const files = artifacts.map(({ download_url: address, checksum: hex, filename }) => {
    const url = secureUrl(address);
    const name = filename ?? basename(decodeURIComponent(url.pathname));
    if (!NAME.test(name)) throw invalid(`"${name.slice(0, 100)}" is no plain file name`);
    return { name, url, sha256: hex };
  });
  const twice = files.find(({ name }, index) => files.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw invalid(`it has "${twice.name}" twice`);
  return files;
}

function secureUrl(address: string): URL {
  if (!URL.canParse(address)) throw invalid('a download_url is no URL');
  const url = new URL(address);
  const local = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && local);
  if (secure && url.username === '' && url.password === '') return url;
  throw new HermeticBuildError(
    'DEPENDENCY_INSECURE',
    `Cannot use ${FILES_LOCK}: a download_url is not https, or has a password`,
    {
      hint: 'Use https addresses without credentials',
    },
  );
}

async function fetchFiles(
  files: readonly LockedFile[],
  { http, hosts, bundlePath, repository, onProgress }: FetchOptions,
): Promise<Fetched> {
  const stored: BundleFile[] = [];
  const packages: FetchedPackage[] = [];
  await eachAtOnce(files, CONCURRENCY, async ({ name, url, sha256: hex }) => {
    const source = urlSource(url, hosts);
    const options = { http, projectPath: '', bundlePath, maxBytes: MAX_FILE_BYTES };
    const archive = await storeFile(name, source, options, async (_part, { sha256: found }) => {
      if (found !== hex) throw mismatch(name, source, 'sha256', found, hex);
      return found;
    });
    stored.push({ path: name, sha256: hex, size: archive.size });
    packages.push({
      purl: packagePurl('generic', name, hex),
      name,
      version: hex,
      ecosystem: 'purl:generic',
      size: archive.size,
      digests: { sha256: archive.sha256, sha512: archive.sha512 },
      lockDigest: `sha256:${hex}`,
      direct: true,
      scope: 'runtime',
      dependencies: [],
      locations: [name],
    });
    onProgress(stored.length, files.length);
  });
  await writeBundleIndex(bundlePath, stored);
  const name = basename(repository).toLowerCase();
  return { root: { name, version: '0.0.0', purl: packagePurl('generic', name, '0.0.0') }, packages, notices: [] };
}

async function installFiles(files: readonly LockedFile[], options: InstallOptions): Promise<Installed> {
  const index = await readBundleIndex(options.bundlePath);
  const folder = join(options.depsPath, 'files');
  await mkdir(folder, { recursive: true });
  for (const { name, sha256: hex } of files) {
    const found = index.get(name);
    const file = found?.sha256 === hex ? found : undefined;
    await placeFile(options.bundlePath, file, name, join(folder, name), options.sourceDateEpoch);
  }
  const environment = { PAVED_FILES: `${options.visibleDepsPath}/files` };
  return { count: files.length, environment, binds: [], path: [], prelude: '' };
}

function invalid(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot use ${FILES_LOCK}: ${state}`, {
    cause,
    hint: 'List each file once, with download_url, checksum and a plain filename',
  });
}
