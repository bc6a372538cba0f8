import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BuildRecord } from '@paved/attestation';
import type { ActionContext } from '@paved/runner-kit';
import { baseEnvironment } from '@paved/runner-kit/exec';
import type { SandboxMethod } from '@paved/sandbox';
import { BuildLog } from '../build/build-log.js';
import { copySource } from '../build/copy-source.js';
import { isolationMethod } from '../build/isolation-method.js';
import { makeReadable } from '../build/make-readable.js';
import { HermeticBuildError } from '../error.js';
import { finishLayout } from '../image/finish-layout.js';
import { layoutOutputs, normalizeLayout } from '../image/normalize-layout.js';
import { keepPatches } from '../patch/patch-record.js';
import { usePatches } from '../patch/use-patches.js';
import type { Inputs, Outputs } from '../run.js';
import { FILES_FOLDER, openInputProject } from './dockerfile-project.js';
import { type BuildKitTools, toolDigests, toolsOfImage, toolsOfMachine, unavailable } from './find-tools.js';
import { IMAGES_FOLDER, openBundledImage } from './image-bundle.js';
import { DEPS_CONTEXT, type DockerfileBuild, openDockerfile } from './open-dockerfile.js';
import { ATTEMPTS, retryLostDaemon } from './retry-lost-daemon.js';
import { solve } from './solve.js';
import { startDaemon } from './start-daemon.js';

const LAST_LINES = 14;
const NETWORK_SIGNS =
  /denied by policy|bad address|can't connect|Could not resolve|Temporary failure|Network is unreachable|network unreachable/i;

/** The programs that build: those of the fetched release, or of this machine. */
export async function findTools(
  build: DockerfileBuild,
  bundlePath: string,
  workDir: string,
  context: ActionContext,
): Promise<BuildKitTools> {
  const { buildkit } = build;
  const tools =
    buildkit === undefined
      ? await toolsOfMachine(baseEnvironment().PATH ?? '')
      : await toolsOfImage(buildkit, bundlePath, workDir);
  if (buildkit === undefined)
    context.log.notice('BuildKit is that of this machine; buildkit-image brings one by digest');
  context.log.info((await toolDigests(tools)).join('\n'));
  return tools;
}

/** Builds the Dockerfile over a copy of the source from what was fetched, and leaves an OCI layout. */
export async function dockerfileBuildPhase(
  inputs: Inputs,
  bundlePath: string,
  context: ActionContext,
  candidates: readonly SandboxMethod[],
): Promise<Outputs> {
  assertAlone(inputs);
  const workDir = await context.workDir();
  const build = await usePatches(await openDockerfile(inputs), inputs.patch, bundlePath);
  for (const image of build.images) await openBundledImage(image, bundlePath);
  const tools = await findTools(build, bundlePath, workDir, context);
  const method = await isolationMethod(inputs.isolation, workDir, context.log, candidates);
  const places = await preparePlaces(inputs, { workDir, bundlePath }, context);
  if (inputs.patch) await keepPatches(bundlePath, places.recordPath);
  const log = new BuildLog(join(places.recordPath, 'build.log'), (text) => context.log.untrusted(text));
  const startedOn = new Date();
  const notice = (text: string) => context.log.notice(text);
  const run = () => runBuild(inputs, { build, tools, method, places, bundlePath, log, notice });
  const result = await context.log.group('Dockerfile', run);
  const finishedOn = new Date();
  const logDigest = await log.close();
  assertBuilt(result, log, inputs.timeout);
  const { layoutPath, recordPath } = places;
  await normalizeLayout(layoutPath);
  const finished = await finishLayout(inputs, { layoutPath, workDir, recordPath, bases: build.bases, context });
  const outputs = await layoutOutputs(finished);
  const record: BuildRecord = {
    mediaType: 'application/vnd.paved.build-record.v1+json',
    command: describeBuild(build),
    exitStatus: result.exitStatus,
    startedOn: startedOn.toISOString(),
    finishedOn: finishedOn.toISOString(),
    outputs,
    log: { path: 'build.log', sha256: logDigest },
  };
  await writeFile(join(recordPath, 'build-record.json'), `${JSON.stringify(record, null, 2)}\n`);
  await rm(places.contextPath, { recursive: true, force: true });
  context.events.emit({ stage: 'build', event: 'built', outputs: outputs.length, isolation: method });
  return { 'artifact-path': finished, 'build-record-path': recordPath };
}

/** A command beside it would run on another file system than its result lands in. */
function assertAlone({ command, image }: Inputs): void {
  if (command === undefined && image === undefined) return;
  const other = command === undefined ? 'image' : 'command';
  throw new HermeticBuildError('DOCKERFILE_REFUSED', `Cannot build: dockerfile and ${other} are both set`, {
    hint: 'Build in a stage of the Dockerfile, or describe the image with image',
  });
}

interface Places {
  readonly contextPath: string;
  readonly depsPath: string;
  readonly recordPath: string;
  readonly layoutPath: string;
  readonly workDir: string;
}

/** The copy of the source with what the lock file installs in it, and beside it what the lock file brought in folders of its own. */
async function preparePlaces(
  inputs: Inputs,
  { workDir, bundlePath }: { readonly workDir: string; readonly bundlePath: string },
  context: ActionContext,
): Promise<Places> {
  const place = (name: string) => join(workDir, name);
  const [contextPath, depsPath, recordPath] = [place('context'), place('deps'), place('record')];
  await Promise.all([mkdir(depsPath), mkdir(recordPath)]);
  const sourceDateEpoch = inputs['source-date-epoch'];
  await copySource(inputs['source-path'], contextPath, { exclude: [context.runner.temp], sourceDateEpoch });
  const project = await openInputProject(inputs);
  const installed = await project.install({
    bundlePath,
    buildPath: contextPath,
    depsPath,
    visibleDepsPath: '/paved/deps',
    sourceDateEpoch,
    home: '/tmp/home',
    workDir,
    sandboxed: true,
  });
  const lines = Object.entries(installed.environment).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  await writeFile(join(depsPath, 'environment'), lines.join(''));
  await makeReadable(depsPath);
  return { contextPath, depsPath, recordPath, layoutPath: place('built'), workDir };
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

interface Running {
  readonly build: DockerfileBuild;
  readonly tools: BuildKitTools;
  readonly method: SandboxMethod | 'none';
  readonly places: Places;
  readonly bundlePath: string;
  readonly log: BuildLog;
  readonly notice: (text: string) => void;
}

interface Result {
  readonly exitStatus: number;
  readonly timedOut: boolean;
  /** What the daemon said last, when the build failed because it ended. */
  readonly lastWords?: string | undefined;
}

async function runBuild(inputs: Inputs, running: Running): Promise<Result> {
  const deadline = Date.now() + inputs.timeout;
  return await retryLostDaemon(
    () => buildOnce(inputs, running, deadline - Date.now()),
    async (lastWords) => {
      running.notice(`buildkitd ended during the build, which starts once more; it said last: ${lastWords}`);
      await rm(running.places.layoutPath, { recursive: true, force: true });
    },
  );
}

async function buildOnce(inputs: Inputs, running: Running, timeoutMs: number): Promise<Result> {
  const { build, tools, method, places, bundlePath, log } = running;
  const files = build.downloads.length === 0 ? {} : { filesPath: join(bundlePath, FILES_FOLDER) };
  const daemon = await startDaemon({ tools, method, workDir: places.workDir, ...files });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void daemon.stop();
  }, timeoutMs);
  try {
    const exitStatus = await solve({
      tools,
      daemon,
      workDir: places.workDir,
      locals: {
        context: places.contextPath,
        dockerfile: dirname(join(places.contextPath, build.path)),
        [DEPS_CONTEXT]: places.depsPath,
      },
      imagesPath: join(bundlePath, IMAGES_FOLDER),
      images: build.names,
      downloads: new Map(build.downloads.map(({ url, sha256 }) => [url.href, sha256])),
      frontend: frontendOptions(build, inputs['source-date-epoch']),
      output: `type=oci,tar=false,dest=${places.layoutPath},rewrite-timestamp=true,compression=uncompressed,oci-mediatypes=true`,
      onOutput: log.write,
    });
    if (exitStatus === 0 || timedOut) return { exitStatus, timedOut };
    return { exitStatus, timedOut, lastWords: await daemon.lastWords() };
  } finally {
    clearTimeout(timer);
    await daemon.stop();
  }
}

function frontendOptions(build: DockerfileBuild, sourceDateEpoch: number): Readonly<Record<string, string>> {
  const args = [...build.buildArgs].map(([name, value]) => [`build-arg:${name}`, value] as const);
  return {
    filename: basename(build.path),
    platform: build.platforms.join(','),
    ...(build.target === undefined ? {} : { target: build.target }),
    ...Object.fromEntries(args),
    'build-arg:SOURCE_DATE_EPOCH': String(sourceDateEpoch),
    [`context:${DEPS_CONTEXT}`]: `local:${DEPS_CONTEXT}`,
  };
}

/** The record's command; a JSON document, so that no value can pass for another option. */
function describeBuild({ path, sha256, target, platforms, buildArgs, patched }: DockerfileBuild): string {
  return JSON.stringify({
    dockerfile: path,
    sha256,
    platforms,
    ...(target === undefined ? {} : { target }),
    buildArgs: Object.fromEntries(buildArgs),
    ...(patched === undefined ? {} : { patched: Object.fromEntries(patched) }),
  });
}

function assertBuilt({ exitStatus, timedOut, lastWords }: Result, log: BuildLog, timeoutMs: number): void {
  if (timedOut) {
    throw new HermeticBuildError(
      'BUILD_TIMEOUT',
      `Cannot build: the Dockerfile took longer than ${timeoutMs / 1000} s`,
      {
        hint: 'Raise timeout, or find out what a step waits for; it has no network',
      },
    );
  }
  if (exitStatus === 0) return;
  if (lastWords !== undefined) {
    throw unavailable(
      `buildkitd ended ${ATTEMPTS} times during the build (${lastWords})`,
      'Look at the memory and the disk of the machine; the build itself did not fail',
    );
  }
  const lines = log.lastLines(LAST_LINES);
  const network = lines.some((line) => NETWORK_SIGNS.test(line));
  throw new HermeticBuildError('BUILD_FAILED', `Cannot build the Dockerfile: its last lines: ${lines.join(' | ')}`, {
    hint: network
      ? 'RUN steps have no network: take packages from the lock file (context paved-deps), and files with ADD --checksum'
      : 'Build the Dockerfile with "--network=none" on your machine to see the step that fails',
  });
}
