import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { BuildRecord } from '@paved/attestation';
import type { ActionContext } from '@paved/runner-kit';
import { baseEnvironment } from '@paved/runner-kit/exec';
import { planToolchain, runInSandbox, type SandboxJob, type SandboxMethod, type SandboxResult } from '@paved/sandbox';
import { HermeticBuildError } from '../error.js';
import { buildImagePhase } from '../image/image-phase.js';
import type { Installed } from '../kinds/locked-project.js';
import { openProject } from '../kinds/open-project.js';
import type { Inputs, Outputs } from '../run.js';
import { buildEnvironment } from './build-environment.js';
import { BuildLog } from './build-log.js';
import { copySource } from './copy-source.js';
import { isolationMethod } from './isolation-method.js';
import { makeReadable } from './make-readable.js';
import { collectOutputs } from './outputs.js';
import { runUnsandboxed } from './run-unsandboxed.js';

const SANDBOX_HOME = '/tmp/home';
const SANDBOX_DEPS = '/paved/deps';
const LAST_LINES = 8;
const MEBIBYTE = 1024 * 1024;
const NETWORK_SIGNS =
  /ENOTCACHED|EAI_AGAIN|ENETUNREACH|ENOTFOUND|Could not resolve host|Temporary failure in name|in offline mode|Network is unreachable/;

/** Runs the caller's command in the sandbox over a copy of the source with the bundle installed, and collects what it wrote. */
export async function buildPhase(
  inputs: Inputs,
  bundlePath: string,
  context: ActionContext,
  candidates: readonly SandboxMethod[],
): Promise<Outputs> {
  const { command, patterns } = requiredInputs(inputs);
  const workDir = await context.workDir();
  const method = await isolationMethod(inputs.isolation, workDir, context.log, candidates);
  const buildPath = join(workDir, 'build');
  const place = { buildPath, bundlePath, workDir, method };
  const installed = await prepareBuild(inputs, place, context);
  const recordPath = join(workDir, 'record');
  const artifactPath = join(workDir, 'artifact');
  await Promise.all([mkdir(recordPath), mkdir(artifactPath)]);
  const log = new BuildLog(join(recordPath, 'build.log'), (text) => context.log.untrusted(text));
  const startedOn = new Date();
  const job = await jobOf(inputs, { ...place, command, installed }, log, context);
  const result = await context.log.group('Build command', () => runJob(method, job));
  const finishedOn = new Date();
  const logDigest = await log.close();
  assertBuilt(result, log, inputs.timeout);
  const maxBytes = inputs['max-output-mebibytes'] * MEBIBYTE;
  const outputs = await collectOutputs({ buildPath, artifactPath, patterns, maxBytes });
  const record: BuildRecord = {
    mediaType: 'application/vnd.paved.build-record.v1+json',
    command,
    exitStatus: result.exitStatus,
    startedOn: startedOn.toISOString(),
    finishedOn: finishedOn.toISOString(),
    outputs,
    log: { path: 'build.log', sha256: logDigest },
  };
  await writeFile(join(recordPath, 'build-record.json'), `${JSON.stringify(record, null, 2)}\n`);
  const layoutPath = await buildImagePhase(inputs, { workDir, artifactPath, recordPath }, context);
  await rm(buildPath, { recursive: true, force: true });
  context.log.info(`Collected ${outputs.length} outputs`);
  context.events.emit({ stage: 'build', event: 'built', outputs: outputs.length, isolation: method });
  return { 'artifact-path': layoutPath ?? artifactPath, 'build-record-path': recordPath };
}

function requiredInputs(inputs: Inputs): { readonly command: string; readonly patterns: readonly string[] } {
  const { command, 'output-path': patterns } = inputs;
  if (command !== undefined && patterns !== undefined && patterns.length > 0) return { command, patterns };
  const absent = command === undefined ? 'command' : 'output-path';
  throw new HermeticBuildError('COMMAND_MISSING', `Cannot build: ${absent} is empty`, {
    hint: 'Set command to what builds the project, and output-path to what it writes',
  });
}

interface Place {
  readonly buildPath: string;
  readonly bundlePath: string;
  readonly workDir: string;
  readonly method: SandboxMethod | 'none';
}

async function prepareBuild(inputs: Inputs, place: Place, context: ActionContext): Promise<Installed> {
  const { buildPath, bundlePath, workDir } = place;
  const project = await openProject(inputs['source-path'], inputs.lockfile);
  const sourceDateEpoch = inputs['source-date-epoch'];
  await copySource(inputs['source-path'], buildPath, { exclude: [context.runner.temp], sourceDateEpoch });
  const depsPath = join(workDir, 'deps');
  await mkdir(depsPath);
  const sandboxed = place.method !== 'none';
  const visibleDepsPath = sandboxed ? SANDBOX_DEPS : depsPath;
  const home = homeOf(place);
  const given = { bundlePath, buildPath, depsPath, visibleDepsPath, sourceDateEpoch, home, workDir, sandboxed };
  const installed = await project.install(given);
  await makeReadable(depsPath);
  for (const notice of installed.notices ?? []) context.log.notice(notice);
  context.log.info(`Installed ${installed.count} packages from the bundle`);
  return installed;
}

function homeOf({ method, workDir }: Place): string {
  return method === 'none' ? join(workDir, 'home') : SANDBOX_HOME;
}

async function jobOf(
  inputs: Inputs,
  place: Place & { readonly command: string; readonly installed: Installed },
  log: BuildLog,
  context: ActionContext,
): Promise<SandboxJob> {
  const { installed } = place;
  const path = baseEnvironment().PATH ?? '';
  const hidden = [homedir(), context.runner.temp, context.runner.workspace];
  const toolchain = await planToolchain(path, hidden);
  if (toolchain.dropped.length > 0) context.log.info(`Not visible to the command: ${toolchain.dropped.join(', ')}`);
  const bare = place.method === 'none';
  const home = homeOf(place);
  if (bare) await mkdir(home);
  const deps = { source: join(place.workDir, 'deps'), target: SANDBOX_DEPS };
  return {
    command: `${installed.prelude}${place.command}\n`,
    buildDir: place.buildPath,
    workDir: place.workDir,
    environment: {
      ...buildEnvironment({
        path: [...installed.path, bare ? path : toolchain.path].join(':'),
        home,
        sourceDateEpoch: inputs['source-date-epoch'],
      }),
      ...installed.environment,
    },
    binds: [...toolchain.binds, ...installed.binds, deps],
    timeoutMs: inputs.timeout,
    onOutput: log.write,
  };
}

function runJob(method: SandboxMethod | 'none', job: SandboxJob): Promise<SandboxResult> {
  return method === 'none' ? runUnsandboxed(job) : runInSandbox(method, job);
}

function assertBuilt({ exitStatus, timedOut }: SandboxResult, log: BuildLog, timeoutMs: number): void {
  if (timedOut) {
    throw new HermeticBuildError('BUILD_TIMEOUT', `Cannot build: the command ran longer than ${timeoutMs / 1000} s`, {
      hint: 'Raise timeout, or find out what the command waits for; it has no network',
    });
  }
  if (exitStatus === 0) return;
  const lines = log.lastLines(LAST_LINES);
  const network = lines.some((line) => NETWORK_SIGNS.test(line));
  throw new HermeticBuildError(
    'BUILD_FAILED',
    `Cannot build: the command ended with ${exitStatus}; its last lines: ${lines.join(' | ')}`,
    {
      hint: network
        ? 'The command has no network, and the locked packages are installed already: leave out "npm ci" and downloads; "phase: dry" says what downloads'
        : 'Run the command in a fresh checkout with the locked packages installed, without network and install scripts',
    },
  );
}
