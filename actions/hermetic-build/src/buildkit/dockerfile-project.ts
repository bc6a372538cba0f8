import { mkdir } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import type { FetchedPackage } from '@paved/bom';
import { digestHex } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { PackageURL } from 'packageurl-js';
import { mismatch, storeFile } from '../fetch/download.js';
import { urlSource } from '../fetch/package-source.js';
import type { Fetched, FetchOptions, LockedProject } from '../kinds/locked-project.js';
import { openProject } from '../kinds/open-project.js';
import { packagePurl } from '../lockfile/purl.js';
import type { Inputs } from '../run.js';
import { fetchImage, type ImageParts, type WantedImage } from './image-bundle.js';
import { type DockerfileBuild, openDockerfile } from './open-dockerfile.js';

/** Folder of the bundle with the files of `ADD`, each named after its digest. */
export const FILES_FOLDER = 'files';
const MAX_FILE_BYTES = 8 * 1024 ** 3;

/**
 * The project of the inputs. With a Dockerfile its images and files are fetched as well, and the Dockerfile itself is a lock file; it
 * is the only one when `lockfile` names it.
 * @param http where given, a refusal of an image without digest says which digest it has now
 */
export async function openInputProject(inputs: Inputs, http?: HttpClient): Promise<LockedProject> {
  const { dockerfile, lockfile } = inputs;
  if (dockerfile === undefined) return await openProject(inputs['source-path'], lockfile);
  const alone = posix.normalize(lockfile) === posix.normalize(dockerfile);
  const project = alone ? undefined : await openProject(inputs['source-path'], lockfile);
  const build = await openDockerfile(inputs, http);
  const { path, sha256 } = build;
  return {
    lockfiles: [...(project?.lockfiles ?? []), { path, kind: 'dockerfile', sha256 }],
    registryKind: project?.registryKind,
    refusals: () => project?.refusals?.() ?? [],
    async fetch(options) {
      const fetched = (await project?.fetch(options)) ?? nothing(options);
      return { ...fetched, packages: [...fetched.packages, ...(await fetchSources(build, options))] };
    },
    async install(options) {
      if (project !== undefined) return await project.install(options);
      return { count: 0, environment: {}, binds: [], path: [], prelude: '' };
    },
  };
}

function nothing({ repository }: FetchOptions): Fetched {
  const name = basename(repository).toLowerCase();
  return { root: { name, version: '0.0.0', purl: packagePurl('generic', name, '0.0.0') }, packages: [], notices: [] };
}

async function fetchSources(
  build: DockerfileBuild,
  { http, hosts, bundlePath, onProgress }: FetchOptions,
): Promise<readonly FetchedPackage[]> {
  const packages = new Map<string, FetchedPackage>();
  const add = (entry: FetchedPackage) => packages.set(entry.purl, entry);
  const wanted = [...build.images, ...(build.buildkit === undefined ? [] : [build.buildkit])];
  for (const [index, image] of wanted.entries()) {
    const scope = image === build.buildkit ? 'development' : 'runtime';
    add(imagePackage(image, await fetchImage(image, http, bundlePath), scope));
    onProgress(index + 1, wanted.length);
  }
  const files = join(bundlePath, FILES_FOLDER);
  await mkdir(files, { recursive: true });
  for (const { url, sha256 } of build.downloads) {
    const name = basename(decodeURIComponent(url.pathname)) || url.hostname;
    const source = urlSource(url, hosts);
    const options = { http, projectPath: '', bundlePath: files, maxBytes: MAX_FILE_BYTES };
    const stored = await storeFile(name, source, options, async (_part, { sha256: found }) => {
      if (found !== sha256) throw mismatch(name, source, 'sha256', found, sha256);
      return found;
    });
    add({
      ...common('runtime'),
      purl: packagePurl('generic', name, sha256),
      name,
      version: sha256,
      ecosystem: 'purl:generic',
      size: stored.size,
      digests: { sha256: stored.sha256, sha512: stored.sha512 },
      lockDigest: `sha256:${sha256}`,
      locations: [name],
    });
  }
  return [...packages.values()];
}

/** purl-spec, "oci": the name is the last part of the repository, the version the digest, the place a qualifier. */
function imagePackage(
  { reference }: WantedImage,
  { size, root }: ImageParts,
  scope: FetchedPackage['scope'],
): FetchedPackage {
  const { registry, repository, tag, digest } = reference;
  const name = posix.basename(repository);
  const qualifiers = { repository_url: `${registry}/${repository}`, ...(tag === undefined ? {} : { tag }) };
  return {
    ...common(scope),
    purl: new PackageURL('oci', undefined, name, digest, qualifiers, undefined).toString(),
    name,
    version: digest,
    ecosystem: 'purl:oci',
    size,
    digests: { sha256: digestHex(root.digest) },
    lockDigest: digest,
    locations: [`${registry}/${repository}`],
  };
}

function common(scope: FetchedPackage['scope']): Pick<FetchedPackage, 'direct' | 'scope' | 'dependencies'> {
  return { direct: true, scope, dependencies: [] };
}
