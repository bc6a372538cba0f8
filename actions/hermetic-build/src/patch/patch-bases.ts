import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IMAGE_PATCHES_MEDIA_TYPE, type ImagePatches } from '@paved/attestation';
import type { FetchedPackage } from '@paved/bom';
import { digestHex } from '@paved/digest';
import type { ImageManifest } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import { type FetchedTool, fetchTool, type ToolPlatform } from '@paved/runner-kit/fetch-tool';
import type { SandboxMethod } from '@paved/sandbox';
import { PackageURL } from 'packageurl-js';
import { findTools } from '../buildkit/build-dockerfile.js';
import type { BuildKitTools } from '../buildkit/find-tools.js';
import { bundledBlob, type WantedImage } from '../buildkit/image-bundle.js';
import { machinePlatform, openDockerfile, planDockerfile } from '../buildkit/open-dockerfile.js';
import { startDaemon } from '../buildkit/start-daemon.js';
import { packagePurl } from '../lockfile/purl.js';
import type { Inputs } from '../run.js';
import { runCopa } from './copa.js';
import { imageRoutes, localReference } from './image-routes.js';
import type { CopaSource } from './locked-copa.js';
import type { MirrorTraffic } from './mirror-log.js';
import { startMirrorProxy } from './mirror-proxy.js';
import { installedPackages, packageChanges } from './package-database.js';
import { patchFailed, patchRefused } from './patch-error.js';
import { type Mirror, mirrorText, readMirrors } from './patch-mirrors.js';
import { PATCHES_FILE } from './patch-record.js';
import { onlyImage, takePatchedImage } from './patched-image.js';
import { releasedBase } from './released-base.js';

const MAX_NAMED = 10;

export interface PatchOptions {
  readonly method: SandboxMethod | 'none';
  readonly workDir: string;
  readonly bundlePath: string;
  readonly copa: CopaSource;
}

/**
 * Refuses what cannot be patched by these inputs, before anything is fetched.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`
 */
export function readPatchInputs(inputs: Inputs): readonly Mirror[] | undefined {
  const lines = inputs['patch-mirrors'] ?? [];
  // A platform names its mirrors once; whether a build is patched is another question.
  if (!inputs.patch) return undefined;
  if (inputs.dockerfile === undefined) {
    throw patchRefused('there is no Dockerfile', 'Leave patch out: an image that is described has no base to patch');
  }
  if (lines.length === 0) {
    throw patchRefused('patch-mirrors is empty', 'Name the mirrors of the distribution, such as mirror.example');
  }
  return readMirrors(lines);
}

/**
 * Patches the base of what the Dockerfile releases, as it was fetched and before any user code runs, and puts the patched image and
 * the record into the bundle. When it returns, nothing that could reach a mirror is left.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`, `IMAGE_PATCH_FAILED`
 * @throws {RunnerError} `TOOL_UNKNOWN` where copa is not locked for this machine
 */
export async function patchBases(
  inputs: Inputs,
  mirrors: readonly Mirror[],
  options: PatchOptions,
  context: ActionContext,
): Promise<ImagePatches> {
  const record: ImagePatches = {
    mediaType: IMAGE_PATCHES_MEDIA_TYPE,
    mirrors: mirrors.map(mirrorText),
    ...((await patchBase(inputs, mirrors, options, context)) ?? { images: [], reached: [], downloads: [] }),
  };
  await writeFile(join(options.bundlePath, PATCHES_FILE), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

async function patchBase(
  inputs: Inputs,
  mirrors: readonly Mirror[],
  { method, workDir, bundlePath, copa }: PatchOptions,
  context: ActionContext,
): Promise<Omit<ImagePatches, 'mediaType' | 'mirrors'> | undefined> {
  const wanted = await wantedBase(inputs);
  if (wanted === undefined) {
    context.log.notice('Nothing is patched: what is released is based on scratch');
    return undefined;
  }
  if (method !== 'root' && method !== 'sudo') {
    throw patchRefused(`isolation method ${method}`, 'Run the job as root, or where sudo needs no password');
  }
  const base = await onlyImage(wanted, bundlePath);
  const before = await packagesOf(base, bundlePath, workDir);
  if (before === undefined) {
    context.log.notice('Nothing is patched: the base has no packages');
    return undefined;
  }
  const tool = await fetchTool(context, { name: 'copa', platform: machinePlatform() as ToolPlatform, ...copa });
  const tools = await findTools(await openDockerfile(inputs), bundlePath, workDir, context);
  const patcher = { tool, tools, method, workDir, bundlePath, timeoutMs: inputs.timeout };
  const { patched, traffic } = await upgrade(base, mirrors, patcher, context);
  const installed = patched === undefined ? before : await packagesOf(patched, bundlePath, workDir);
  const { registry, repository, digest } = wanted.reference;
  const packages = packageChanges(before, installed ?? new Map());
  if (patched !== undefined && packages.length === 0) {
    throw patchFailed('layers were added, and no package is another', 'Report it with the version of copa');
  }
  for (const { name, before: old, after: now } of packages) {
    context.log.info(`Patched ${name}: ${old ?? 'not there'} to ${now ?? 'removed'}`);
  }
  context.log.notice(`${packages.length} packages of ${registry}/${repository} were patched`);
  const after = patched?.digest ?? digest;
  context.events.emit({ stage: 'build', event: 'patched', patchedPackages: packages.length, digest: after });
  return {
    tool: { name: 'copa', version: tool.version, asset: tool.assetDigest, sha256: tool.digest },
    images: [
      {
        image: `${registry}/${repository}`,
        platform: machinePlatform(),
        before: digest,
        after,
        packages,
      },
    ],
    reached: traffic.reached,
    downloads: traffic.downloads,
  };
}

async function packagesOf(image: ImageManifest, bundlePath: string, workDir: string) {
  const layers = image.layers.map((layer) => bundledBlob(bundlePath, layer));
  return await installedPackages(layers, workDir);
}

interface Patcher {
  readonly tool: FetchedTool;
  readonly tools: BuildKitTools;
  readonly method: SandboxMethod;
  readonly workDir: string;
  readonly bundlePath: string;
  readonly timeoutMs: number;
}

/** `patched` is undefined when the mirrors have nothing newer. */
async function upgrade(
  base: ImageManifest,
  mirrors: readonly Mirror[],
  { tool, tools, method, workDir, bundlePath, timeoutMs }: Patcher,
  context: ActionContext,
): Promise<{ readonly patched: ImageManifest | undefined; readonly traffic: MirrorTraffic }> {
  // The path of a socket may have 107 bytes only.
  const socketFolder = await mkdtemp(join(tmpdir(), 'paved-pp-'));
  const relayPath = join(socketFolder, 's');
  const routes = imageRoutes(base, bundlePath);
  const local = (message: IncomingMessage, response: ServerResponse) => void routes(message, response);
  const proxy = await startMirrorProxy({ mirrors, socket: relayPath, local });
  try {
    const daemon = await startDaemon({ tools, method, workDir, relayPath });
    const onOutput = (chunk: Buffer) => context.log.untrusted(chunk.toString('utf8'));
    const reference = localReference(base);
    const work = context.log.group('Patch', () =>
      runCopa({ copa: tool.path, daemon, method, workDir, reference, timeoutMs, onOutput }),
    );
    const outcome = await work.then(
      (archive) => ({ archive }),
      (error: unknown) => ({ error }),
    );
    await daemon.stop();
    const traffic = proxy.traffic();
    // The request that was refused says more than what became of it.
    assertAllowed(traffic, 'error' in outcome ? outcome.error : undefined);
    if ('error' in outcome) throw outcome.error;
    const { archive } = outcome;
    if (archive === undefined) return { patched: undefined, traffic };
    const patched = await takePatchedImage(archive, base, `copa ${tool.version}`, bundlePath);
    await rm(archive);
    return { patched, traffic };
  } finally {
    await proxy.close();
    await rm(socketFolder, { recursive: true, force: true });
  }
}

async function wantedBase(inputs: Inputs): Promise<WantedImage | undefined> {
  const use = releasedBase(await planDockerfile(inputs), inputs.target);
  if (use === undefined) return undefined;
  const machine = machinePlatform();
  const other = use.platforms.find((platform) => platform !== machine);
  if (other !== undefined) {
    const hint = `Patch each platform on a machine of its own; set platforms to ${machine}`;
    throw patchRefused(`its programs are for ${other}, and this machine is ${machine}`, hint);
  }
  const { reference } = use.name;
  if (reference.digest === undefined) throw patchRefused('it has no digest', 'Pin the base by digest');
  return { reference: { ...reference, digest: reference.digest }, platforms: [machine] };
}

/** What was not upgraded because a mirror is not on the list must not look as if there had been nothing to upgrade. */
function assertAllowed({ refused, reached }: MirrorTraffic, cause: unknown): void {
  if (refused.length > 0) {
    const listed = refused.slice(0, MAX_NAMED).map(({ target, reason }) => `"${target}" (${reason})`);
    throw patchFailed(
      `it asked for what it may not reach: ${listed.join(', ')}`,
      'Add to patch-mirrors what you trust; take the other sources of packages out of the base',
      cause,
    );
  }
  if (reached.length > 0) return;
  throw patchFailed(
    'no mirror answered',
    'Its package manager must know http_proxy, and its sources a mirror of the list',
    cause,
  );
}

/**
 * The packages of the fetch manifest as the build sees them: the patched image in the place of the base, under the digest that the
 * Dockerfile has, and copa.
 */
export function patchedPackages(packages: readonly FetchedPackage[], patches: ImagePatches): readonly FetchedPackage[] {
  const { tool, images } = patches;
  if (tool === undefined) return packages;
  const changed = packages.map((entry) => {
    const patch = images.find(({ before }) => entry.ecosystem === 'purl:oci' && entry.version === before);
    if (patch === undefined || patch.before === patch.after) return entry;
    const purl = PackageURL.fromString(entry.purl);
    const { tag: _, ...qualifiers } = purl.qualifiers ?? {};
    return {
      ...entry,
      purl: new PackageURL('oci', undefined, entry.name, patch.after, qualifiers, undefined).toString(),
      version: patch.after,
      digests: { sha256: digestHex(patch.after) },
    };
  });
  const name = 'github.com/project-copacetic/copacetic';
  const version = `v${tool.version}`;
  return [
    ...changed,
    {
      purl: packagePurl('golang', name, version),
      name,
      version,
      ecosystem: 'Go',
      size: 0,
      digests: { sha256: digestHex(tool.sha256) },
      lockDigest: tool.asset,
      direct: true,
      scope: 'development',
      dependencies: [],
      locations: ['copa'],
    },
  ];
}
