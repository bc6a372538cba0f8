import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import type { IsolationReport } from '@paved/attestation';
import { digestHex } from '@paved/digest';
import type { ActionContext } from '@paved/runner-kit';
import { runCanary } from '../canary/canary.js';
import { type Project, readProject } from '../project.js';
import type { Inputs, Outputs } from '../run.js';
import { isolationMethod } from '../sandbox/isolation-method.js';
import type { SandboxMethod } from '../sandbox/sandbox.js';
import { fetchBundle } from './bundle.js';
import { askNpmForRegistry } from './default-registry.js';
import { buildManifest } from './manifest.js';
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
  const project = await readProject(sourcePath, inputs.lockfile);
  const workDir = await context.workDir();
  const method = await isolationMethod(inputs.isolation, workDir, log, candidates);
  const isolation = await runCanary({ method, workDir, home: homedir() });
  const bundlePath = join(workDir, 'bundle');
  const archives = await fetchBundle(project.nodes, {
    http: context.http,
    projectPath: sourcePath,
    bundlePath,
    registry: inputs['registry-url'],
    defaultRegistry: () => askNpmForRegistry(workDir),
    onProgress(done, all) {
      if (done % PROGRESS_STEP === 0 || done === all) log.info(`Fetched ${done} of ${all} archives`);
    },
  });
  const path = relative(runner.workspace, sourcePath);
  const manifest = buildManifest({
    source: { repository: runner.repository, sha: runner.sha, path: path === '' || path.startsWith('..') ? '.' : path },
    lockfile: project.lockfile,
    lockfilePath: inputs.lockfile,
    lockfileSha256: digestHex(project.lockfileDigest),
    nodes: project.nodes,
    archives,
    fetchedAt: new Date(),
  });
  const recordPath = join(workDir, 'record');
  await mkdir(recordPath);
  await writeDocument(join(recordPath, 'fetch-manifest.json'), manifest);
  await writeDocument(join(recordPath, 'isolation-report.json'), isolation);
  report(project, isolation, context);
  return { 'bundle-path': bundlePath, 'record-path': recordPath };
}

function report({ nodes }: Project, isolation: IsolationReport, context: ActionContext): void {
  const withScripts = [...nodes.values()].filter(({ package: { entry } }) => entry.hasInstallScript === true);
  if (withScripts.length > 0) {
    const names = [...new Set(withScripts.map(({ package: { name, version } }) => `${name}@${version}`))].join(', ');
    context.log.notice(
      `Install scripts are not run: ${names}. If the build needs one, start the command with "npm rebuild <name>"; it runs without network`,
    );
  }
  const blocked = isolation.checks.filter(({ outcome }) => outcome === 'blocked').length;
  context.log.info(`Isolation: ${isolation.method}, ${blocked} of ${isolation.checks.length} attacks blocked`);
  context.events.emit({ stage: 'build', event: 'fetched', packages: nodes.size, isolation: isolation.method, blocked });
}

async function writeDocument(path: string, document: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
}
