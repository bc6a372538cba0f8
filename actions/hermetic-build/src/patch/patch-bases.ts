import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE_PATCHES_MEDIA_TYPE, type ImagePatch, type ImagePatches } from '@paved/attestation';
import type { FetchedPackage } from '@paved/bom';
import type { ImageManifest } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import { fetchTool, type ToolPlatform } from '@paved/runner-kit/fetch-tool';
import type { SandboxMethod } from '@paved/sandbox';
import { findTools } from '../buildkit/build-dockerfile.js';
import { bundledBlob, type WantedImage } from '../buildkit/image-bundle.js';
import { machinePlatform, openDockerfile, planDockerfile } from '../buildkit/open-dockerfile.js';
import type { Inputs } from '../run.js';
import type { CopaSource } from './locked-copa.js';
import type { MirrorTraffic } from './mirror-log.js';
import { type InstalledPackages, installedPackages, packageChanges } from './package-database.js';
import { patchFailed, patchRefused } from './patch-error.js';
import { type Mirror, mirrorText, readMirrors } from './patch-mirrors.js';
import { PATCHES_FILE } from './patch-record.js';
import { onlyImage } from './patched-image.js';
import { type Patched, patchedPackages } from './patched-packages.js';
import { releasedBase } from './released-base.js';
import { upgradePackages } from './upgrade-packages.js';

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

/** The record, and the packages of the fetch manifest as the build sees them. */
export interface PatchOutcome {
  readonly record: ImagePatches;
  readonly packages: readonly FetchedPackage[];
}

/**
 * Patches the base of what the Dockerfile releases, as it was fetched and before any user code runs, and puts the patched image and
 * the record into the bundle. When it returns, nothing that could reach a mirror is left.
 * @param fetched packages of the fetch manifest as they were fetched
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`, `IMAGE_PATCH_FAILED`
 * @throws {RunnerError} `TOOL_UNKNOWN` where copa is not locked for this machine
 */
export async function patchBases(
  inputs: Inputs,
  mirrors: readonly Mirror[],
  fetched: readonly FetchedPackage[],
  options: PatchOptions,
  context: ActionContext,
): Promise<PatchOutcome> {
  const done = await patchBase(inputs, mirrors, options, context);
  const head = { mediaType: IMAGE_PATCHES_MEDIA_TYPE, mirrors: mirrors.map(mirrorText) } as const;
  const record: ImagePatches =
    done === undefined ? { ...head, images: [], reached: [], downloads: [] } : { ...head, ...recordOf(done) };
  await writeFile(join(options.bundlePath, PATCHES_FILE), `${JSON.stringify(record, null, 2)}\n`);
  return { record, packages: done === undefined ? fetched : await patchedPackages(fetched, done) };
}

type Done = Patched & { readonly traffic: MirrorTraffic };

function recordOf({ patch, tool, traffic }: Done): Omit<ImagePatches, 'mediaType' | 'mirrors'> {
  const { reached, downloads } = traffic;
  const { version, assetDigest: asset, digest: sha256 } = tool;
  return { tool: { name: 'copa', version, asset, sha256 }, reached, downloads, images: [patch] };
}

async function patchBase(
  inputs: Inputs,
  mirrors: readonly Mirror[],
  { method, workDir, bundlePath, copa }: PatchOptions,
  context: ActionContext,
): Promise<Done | undefined> {
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
  const { patched, traffic } = await upgradePackages(base, mirrors, patcher, context);
  const after = patched === undefined ? before : await packagesOf(patched, bundlePath, workDir);
  const patch = describePatch(wanted, patched, packageChanges(before, after ?? new Map()));
  report(patch, context);
  return { patch, image: patched ?? base, tool, traffic };
}

function describePatch(
  { reference }: WantedImage,
  patched: ImageManifest | undefined,
  packages: ImagePatch['packages'],
): ImagePatch {
  if (patched !== undefined && packages.length === 0) {
    throw patchFailed('layers were added, and no package is another', 'Report it with the version of copa');
  }
  const { registry, repository, digest: before } = reference;
  const image = `${registry}/${repository}`;
  return { image, platform: machinePlatform(), before, after: patched?.digest ?? before, packages };
}

function report({ image, after, packages }: ImagePatch, context: ActionContext): void {
  for (const { name, before: old, after: now } of packages) {
    context.log.info(`Patched ${name}: ${old ?? 'not there'} to ${now ?? 'removed'}`);
  }
  context.log.notice(`${packages.length} packages of ${image} were patched`);
  context.events.emit({ stage: 'build', event: 'patched', patchedPackages: packages.length, digest: after });
}

async function packagesOf(
  image: ImageManifest,
  bundlePath: string,
  workDir: string,
): Promise<InstalledPackages | undefined> {
  const layers = image.layers.map((layer) => bundledBlob(bundlePath, layer));
  return await installedPackages(layers, workDir);
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
