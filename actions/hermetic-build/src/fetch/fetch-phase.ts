import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import type { FetchManifest } from '@paved/bom';
import type { ActionContext } from '@paved/runner-kit';
import { runCanary, type SandboxMethod } from '@paved/sandbox';
import { buildEnvironment } from '../build/build-environment.js';
import { isolationMethod } from '../build/isolation-method.js';
import { openProject } from '../kinds/open-project.js';
import { chosenRegistry } from '../kinds/registries.js';
import type { Inputs, Outputs } from '../run.js';
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
): Promise<Outputs> {
  const { runner, log } = context;
  const sourcePath = inputs['source-path'];
  const commit = await assertSourceCommit(sourcePath, runner.workspace, runner.sha);
  if (commit === undefined)
    log.notice('There is no .git folder, so the commit of the source was not compared with the run');
  const project = await openProject(sourcePath, inputs.lockfile);
  const workDir = await context.workDir();
  const environment = buildEnvironment({ path: '/usr/bin:/bin', home: '/tmp/home', sourceDateEpoch: 0 });
  const method = await isolationMethod(inputs.isolation, workDir, log, candidates);
  const isolation = await runCanary({ method, workDir, home: homedir(), environment });
  const bundlePath = join(workDir, 'bundle');
  await mkdir(bundlePath);
  const fetched = await project.fetch({
    http: context.http,
    bundlePath,
    workDir,
    registry: chosenRegistry(inputs, project.registryKind),
    repository: runner.repository,
    onProgress(done, all) {
      if (done % PROGRESS_STEP === 0 || done === all) log.info(`Fetched ${done} of ${all} archives`);
    },
  });
  const path = relative(runner.workspace, sourcePath);
  const manifest: FetchManifest = {
    mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
    source: { repository: runner.repository, sha: runner.sha, path: path === '' || path.startsWith('..') ? '.' : path },
    root: fetched.root,
    lockfiles: project.lockfiles,
    packages: [...fetched.packages].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
    fetchedAt: new Date().toISOString(),
  };
  const recordPath = join(workDir, 'record');
  await mkdir(recordPath);
  await writeDocument(join(recordPath, 'fetch-manifest.json'), manifest);
  await writeDocument(join(recordPath, 'isolation-report.json'), isolation);
  for (const notice of fetched.notices) log.notice(notice);
  const blocked = isolation.checks.filter(({ outcome }) => outcome === 'blocked').length;
  log.info(`Isolation: ${isolation.method}, ${blocked} of ${isolation.checks.length} attacks blocked`);
  const packages = fetched.packages.length;
  context.events.emit({ stage: 'build', event: 'fetched', packages, isolation: isolation.method, blocked });
  return { 'bundle-path': bundlePath, 'record-path': recordPath };
}

async function writeDocument(path: string, document: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
}
