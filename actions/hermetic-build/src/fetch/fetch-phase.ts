import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import type { IsolationReport } from '@paved/attestation';
import type { FetchManifest } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';
import { runCanary, type SandboxMethod } from '@paved/sandbox';
import { buildEnvironment } from '../build/build-environment.js';
import { isolationMethod } from '../build/isolation-method.js';
import { findTools } from '../buildkit/build-dockerfile.js';
import { runBuildKitCanary } from '../buildkit/buildkit-canary.js';
import { openInputProject } from '../buildkit/dockerfile-project.js';
import { openDockerfile } from '../buildkit/open-dockerfile.js';
import type { FetchOptions, LockedProject } from '../kinds/locked-project.js';
import { chosenRegistry } from '../kinds/registries.js';
import { type CopaSource, RELEASED_COPA } from '../patch/locked-copa.js';
import { patchBases, readPatchInputs } from '../patch/patch-bases.js';
import { PATCHES_FILE } from '../patch/patch-record.js';
import type { Inputs, Outputs } from '../run.js';
import { NamedHosts } from './named-hosts.js';
import { PublicClient } from './public-client.js';
import { registryClient } from './registry-client.js';
import { assertSourceCommit } from './source-commit.js';

const PROGRESS_STEP = 100;

/**
 * Everything that needs the network, and the proof that the build will have none. No user code has run when it ends, so the two
 * documents that it writes can be handed over before the first instruction of the build.
 */
export async function fetchPhase(
  inputs: Inputs,
  context: ActionContext,
  candidates: readonly SandboxMethod[],
  copa: CopaSource = RELEASED_COPA,
): Promise<Outputs> {
  const { runner, log } = context;
  const mirrors = readPatchInputs(inputs);
  const sourcePath = inputs['source-path'];
  const commit = await assertSourceCommit(sourcePath, runner.workspace, runner.sha);
  if (commit === undefined)
    log.notice('There is no .git folder, so the commit of the source was not compared with the run');
  const access = publicAccess(inputs, context);
  const project = await openInputProject(inputs, access.http);
  const workDir = await context.workDir();
  const method = await isolationMethod(inputs.isolation, workDir, log, candidates);
  const bundlePath = join(workDir, 'bundle');
  await mkdir(bundlePath);
  const fetched = await project.fetch({
    ...registryAccess(inputs, project, access),
    bundlePath,
    workDir,
    repository: runner.repository,
    onProgress(done, all) {
      if (done % PROGRESS_STEP === 0 || done === all) log.info(`Fetched ${done} of ${all} archives`);
    },
  });
  // Before the proof that the build has no network: what patches is gone by then.
  const patches =
    mirrors === undefined
      ? undefined
      : await patchBases(inputs, mirrors, fetched.packages, { method, workDir, bundlePath, copa }, context);
  const packages = patches?.packages ?? fetched.packages;
  const isolation = await proveIsolation(inputs, { method, workDir, bundlePath }, context);
  const path = relative(runner.workspace, sourcePath);
  const manifest: FetchManifest = {
    mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
    source: { repository: runner.repository, sha: runner.sha, path: path === '' || path.startsWith('..') ? '.' : path },
    root: fetched.root,
    lockfiles: project.lockfiles,
    packages: [...packages].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
    fetchedAt: new Date().toISOString(),
  };
  const recordPath = join(workDir, 'record');
  await mkdir(recordPath);
  await writeDocument(join(recordPath, 'fetch-manifest.json'), manifest);
  await writeDocument(join(recordPath, 'isolation-report.json'), isolation);
  if (patches !== undefined) await writeDocument(join(recordPath, PATCHES_FILE), patches.record);
  for (const notice of fetched.notices) log.notice(notice);
  const blocked = isolation.checks.filter(({ outcome }) => outcome === 'blocked').length;
  log.info(`Isolation: ${isolation.method}, ${blocked} of ${isolation.checks.length} attacks blocked`);
  const fetchedCount = packages.length;
  context.events.emit({
    stage: 'build',
    event: 'fetched',
    packages: fetchedCount,
    isolation: isolation.method,
    blocked,
  });
  return { 'bundle-path': bundlePath, 'record-path': recordPath };
}

/** The client of everything that a lock file or a Dockerfile names. */
export type PublicAccess = Pick<FetchOptions, 'http' | 'hosts'>;

export function publicAccess(inputs: Inputs, { http }: ActionContext): PublicAccess {
  const hosts = new NamedHosts(inputs);
  return { http: new PublicClient(http, hosts), hosts };
}

/** Where packages come from, and the client that may show the credential there. */
export function registryAccess(
  inputs: Inputs,
  { registryKind }: LockedProject,
  { http, hosts }: PublicAccess,
): PublicAccess & Pick<FetchOptions, 'registry'> {
  const registry = chosenRegistry(inputs, registryKind);
  const token = inputs['registry-token'];
  const credential = token === undefined ? undefined : { token, username: inputs['registry-username'] };
  return { http: registryClient(http, credential, registry, registryKind), hosts, registry };
}

/** The canary meets what the build will run in: the command's sandbox, or a RUN step of BuildKit. */
async function proveIsolation(
  inputs: Inputs,
  places: { readonly method: SandboxMethod | 'none'; readonly workDir: string; readonly bundlePath: string },
  context: ActionContext,
): Promise<IsolationReport> {
  const { method, workDir, bundlePath } = places;
  if (inputs.dockerfile === undefined) {
    const environment = buildEnvironment({ path: '/usr/bin:/bin', home: '/tmp/home', sourceDateEpoch: 0 });
    return await runCanary({ method, workDir, home: homedir(), environment });
  }
  const tools = await findTools(await openDockerfile(inputs), bundlePath, workDir, context);
  return await runBuildKitCanary({ tools, method, workDir, notice: (text) => context.log.notice(text) });
}

async function writeDocument(path: string, document: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
}
