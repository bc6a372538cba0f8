import { arch } from 'node:os';
import { posix } from 'node:path';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { referenceText } from '@paved/oci';
import { HermeticBuildError } from '../error.js';
import { readInside } from '../kinds/read-inside.js';
import type { Inputs } from '../run.js';
import type { DockerfilePlan, Download, ImageUse } from './dockerfile-plan.js';
import { resolveDigest, type WantedImage } from './image-bundle.js';
import { parseImageName } from './image-name.js';
import { readDockerfile } from './read-dockerfile.js';

/** A Dockerfile that asks for nothing but what can be fetched by digest, and what it is built with. */
export interface DockerfileBuild {
  /** Relative to source-path. */
  readonly path: string;
  /** Lower-case hex of the file. */
  readonly sha256: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly target: string | undefined;
  readonly platforms: readonly string[];
  /** Every image once, by digest, with all platforms that it is needed for. */
  readonly images: readonly WantedImage[];
  /** Names as the Dockerfile has them, in BuildKit's short form. */
  readonly names: ReadonlyMap<string, Digest>;
  /** Digests of the images that a stage is based on. */
  readonly bases: readonly Digest[];
  readonly downloads: readonly Download[];
  /** The release of BuildKit that builds; absent: the programs of this machine. */
  readonly buildkit: WantedImage | undefined;
  /** Digest of a base to that of the patched image in its place; absent where nothing was patched. */
  readonly patched?: ReadonlyMap<Digest, Digest>;
}

/** Named context with what the lock file brought. */
export const DEPS_CONTEXT = 'paved-deps';

const PLATFORM = /^linux\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/;
const NAME = /^[A-Za-z_]\w*$/;
/** They change what is built, and from where, behind the Dockerfile's back. */
const RESERVED =
  /^(?:BUILDKIT_.*|SOURCE_DATE_EPOCH|(?:https?|ftp|no|all)_proxy|TARGET(?:PLATFORM|OS|ARCH|VARIANT)|BUILD(?:PLATFORM|OS|ARCH|VARIANT))$/i;
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm: 'arm',
  arm64: 'arm64',
  s390x: 's390x',
  ppc64: 'ppc64le',
};
const MAX_NAMED = 20;

/**
 * Reads the Dockerfile that the inputs name and refuses all of it that could be another thing tomorrow.
 * @param http where given, the digest that an unpinned image stands for now is looked up for the message
 * @throws {HermeticBuildError} `DOCKERFILE_REFUSED`, `BASE_UNPINNED`, with every place and its cure
 */
export async function openDockerfile(inputs: Inputs, http?: HttpClient): Promise<DockerfileBuild> {
  const { path, text, buildArgs, platforms, plan } = await planDockerfile(inputs);
  if (plan.problems.length > 0) {
    const [first] = plan.problems;
    const listed = plan.problems.slice(0, MAX_NAMED).map(({ line, detail }) => `line ${line}: ${detail}`);
    throw refused(listed.join('; '), first?.cure);
  }
  await assertPinned(plan.images, http);
  return {
    path,
    sha256: digestHex(sha256(text)),
    buildArgs,
    target: inputs.target,
    platforms,
    ...byDigest(plan.images),
    downloads: plan.downloads,
    buildkit: buildkitImage(inputs['buildkit-image']),
  };
}

/** A Dockerfile with all that it asks for, whether that can be fetched or not. */
export interface PlannedDockerfile {
  /** Relative to source-path. */
  readonly path: string;
  readonly text: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly platforms: readonly string[];
  readonly plan: DockerfilePlan;
}

/** @throws {HermeticBuildError} `DOCKERFILE_REFUSED` when there is no such file, or an input for it is wrong */
export async function planDockerfile(inputs: Inputs): Promise<PlannedDockerfile> {
  const path = posix.normalize(inputs.dockerfile ?? '');
  const text =
    path.startsWith('..') || path.startsWith('/') ? undefined : await readInside(inputs['source-path'], path);
  if (text === undefined) throw refused(`there is no "${path}" in source-path`);
  const buildArgs = readBuildArgs(inputs['build-args'] ?? []);
  const platforms = inputs.platforms ?? [machinePlatform()];
  for (const platform of platforms)
    if (!PLATFORM.test(platform)) throw refused(`"${platform.slice(0, 60)}" is no platform such as linux/amd64`);
  const contexts = [DEPS_CONTEXT];
  const plan = readDockerfile(text, { buildArgs, platforms, buildPlatform: machinePlatform(), contexts });
  return { path, text, buildArgs, platforms, plan };
}

/** The platform of this machine, as images call it. */
export function machinePlatform(): string {
  return `linux/${ARCHITECTURES[arch()] ?? arch()}`;
}

function readBuildArgs(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.map((line): [string, string] => {
      const cut = line.indexOf('=');
      const name = line.slice(0, cut);
      if (!NAME.test(name)) throw refused('a line of build-args is not NAME=value', 'Write one NAME=value per line');
      if (RESERVED.test(name)) throw refused(`build-args sets ${name}, which changes the build itself`, 'Leave it out');
      return [name, line.slice(cut + 1)];
    }),
  );
}

/** The cure is the line as it should stand there, with the digest of now: whoever commits it has looked at it. */
async function assertPinned(uses: readonly ImageUse[], http: HttpClient | undefined): Promise<void> {
  const unpinned = uses.filter(({ name }) => name.reference.digest === undefined);
  if (unpinned.length === 0) return;
  const cures: string[] = [];
  for (const use of unpinned.slice(0, MAX_NAMED)) cures.push(await pinnedLine(use, http));
  const listed = unpinned.slice(0, MAX_NAMED).map(({ text, line }) => `"${text}" in line ${line}`);
  throw new HermeticBuildError('BASE_UNPINNED', `Cannot build the Dockerfile: ${listed.join(', ')} has no digest`, {
    hint: `Pin what you have reviewed: ${cures.join('; ')}`,
  });
}

/** The line as it should stand there, with the digest that its tag has now where that can be asked. */
export async function pinnedLine({ role, text, line, name }: ImageUse, http: HttpClient | undefined): Promise<string> {
  const digest = http === undefined ? undefined : await resolveDigest(name.reference, http).catch(() => undefined);
  const stated = role === 'FROM' ? 'FROM ' : `${role}=`;
  return `line ${line}: ${stated}${text}@${digest ?? 'sha256:<64 hex digits>'}`;
}

function byDigest(uses: readonly ImageUse[]): Pick<DockerfileBuild, 'images' | 'names' | 'bases'> {
  const images = new Map<string, WantedImage>();
  const names = new Map<string, Digest>();
  const bases = new Set<Digest>();
  for (const { role, name, platforms } of uses) {
    const { digest } = name.reference;
    if (digest === undefined) continue;
    names.set(name.familiar, digest);
    if (role === 'FROM') bases.add(digest);
    const key = `${name.reference.registry}/${name.reference.repository}@${digest}`;
    const wanted = new Set([...(images.get(key)?.platforms ?? []), ...platforms]);
    images.set(key, { reference: { ...name.reference, digest }, platforms: [...wanted].sort() });
  }
  return { images: [...images.values()], names, bases: [...bases] };
}

function buildkitImage(text: string | undefined): WantedImage | undefined {
  if (text === undefined) return undefined;
  const { reference } = parseImageName(text);
  const { digest } = reference;
  if (digest !== undefined) return { reference: { ...reference, digest }, platforms: [machinePlatform()] };
  throw new HermeticBuildError('BASE_UNPINNED', `Cannot use BuildKit "${referenceText(reference)}": it has no digest`, {
    hint: 'Name the release with its digest',
  });
}

function refused(state: string, hint = 'See docs/images.md for what a Dockerfile may ask for'): HermeticBuildError {
  return new HermeticBuildError('DOCKERFILE_REFUSED', `Cannot build the Dockerfile: ${state}`, { hint });
}
