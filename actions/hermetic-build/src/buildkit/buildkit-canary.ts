import { constants } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { IsolationReport } from '@paved/attestation';
import { baseEnvironment, exec } from '@paved/runner-kit/exec';
import { runCanary, SandboxError, type SandboxMethod } from '@paved/sandbox';
import { type BuildKitTools, unavailable } from './find-tools.js';
import { ATTEMPTS, retryLostDaemon } from './retry-lost-daemon.js';
import { type SolveOptions, solve } from './solve.js';
import { type Daemon, startDaemon } from './start-daemon.js';

export interface BuildKitCanaryOptions {
  readonly tools: BuildKitTools;
  readonly method: SandboxMethod | 'none';
  readonly workDir: string;
  readonly notice: (text: string) => void;
}

/**
 * A RUN step is root in a container with the usual capabilities, may write its own file system, and has variables of its image:
 * these checks of the command's sandbox say nothing about it. None of them is about what can be reached.
 */
const WITHOUT = ['privileges', 'identity', 'environment', 'write-usr', 'write-etc', 'write-root'];

const PROBE = `FROM scratch AS probe
COPY root/ /
COPY probe/ /probe/
RUN ["/paved/node", "/probe/canary.cjs", "/probe/targets.json", "/probe/result.json"]
FROM scratch
COPY --from=probe /probe/result.json /result.json
`;

/**
 * Attacks a RUN step from inside, before any user code runs, with the targets and controls of the command's sandbox; and asks the
 * daemon itself for a file of a listener on this machine, without a policy in its way.
 * @throws {SandboxError} `CANARY_INVALID`, `CANARY_REACHED`
 * @throws {HermeticBuildError} `BUILDKIT_UNAVAILABLE` when the daemon ended twice
 */
export async function runBuildKitCanary(options: BuildKitCanaryOptions): Promise<IsolationReport> {
  const { report, lastWords } = await retryLostDaemon(
    () => attackOnce(options),
    (words) => options.notice(`buildkitd ended during the canary, which starts once more; it said last: ${words}`),
  );
  if (report !== undefined) return report;
  throw unavailable(
    `buildkitd ended ${ATTEMPTS} times during the canary (${lastWords})`,
    'Look at the memory and the disk of the machine',
  );
}

interface Attack {
  /** Absent when the daemon ended. */
  readonly report?: IsolationReport;
  readonly lastWords?: string;
}

async function attackOnce({ tools, method, workDir }: BuildKitCanaryOptions): Promise<Attack> {
  const folder = await mkdtemp(join(workDir, 'buildkit-canary-'));
  const daemon = await startDaemon({ tools, method, workDir });
  try {
    const target = { tools, daemon, workDir: folder };
    const run = (probe: string) => probeInBuild(target, folder, probe);
    const report = await runCanary({
      method,
      workDir,
      home: homedir(),
      environment: {},
      elsewhere: { run, without: WITHOUT },
    });
    const checks = [...report.checks, await askDaemon(target, folder)];
    return { report: { ...report, checks } };
  } catch (error) {
    const lastWords =
      error instanceof SandboxError && error.code === 'CANARY_REACHED' ? undefined : await daemon.lastWords();
    if (lastWords === undefined) throw error;
    return { lastWords };
  } finally {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Target {
  readonly tools: BuildKitTools;
  readonly daemon: Daemon;
  readonly workDir: string;
}

function buildOptions(target: Target, context: string): Omit<SolveOptions, 'output'> {
  const locals = { context, dockerfile: context };
  return { ...target, locals, imagesPath: '', images: new Map(), frontend: {}, onOutput: () => {} };
}

async function probeInBuild(target: Target, folder: string, probe: string): Promise<void> {
  const context = await mkdtemp(join(folder, 'context-'));
  await writeFile(join(context, 'Dockerfile'), PROBE);
  await copyNode(join(context, 'root'));
  await cp(probe, join(context, 'probe'), { recursive: true });
  const output = await mkdtemp(join(folder, 'result-'));
  const status = await solve({ ...buildOptions(target, context), output: `type=local,dest=${output}` });
  if (status === 0) await copyFile(join(output, 'result.json'), join(probe, 'result.json'));
  await rm(context, { recursive: true });
}

/** The Node that runs this action, with the libraries that it is linked to, as the only programs of an image. */
async function copyNode(root: string): Promise<void> {
  const { stdout } = await exec({
    command: 'ldd',
    args: [process.execPath],
    cwd: root.slice(0, root.lastIndexOf('/')),
    env: baseEnvironment(),
  });
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)].map(([, path = '']) => path);
  if (libraries.length === 0) throw unavailable('the libraries of Node are not known', 'Report the runner image');
  const files = [[process.execPath, '/paved/node'], ...libraries.map((path) => [path, path])];
  for (const [source = '', target = ''] of files) {
    await mkdir(dirname(join(root, target)), { recursive: true });
    await copyFile(source, join(root, target), constants.COPYFILE_FICLONE);
  }
}

/** @throws {SandboxError} `CANARY_REACHED` when the daemon got through */
async function askDaemon(target: Target, folder: string): Promise<IsolationReport['checks'][number]> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  try {
    const context = await mkdtemp(join(folder, 'daemon-'));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await writeFile(join(context, 'Dockerfile'), `FROM scratch\nADD http://127.0.0.1:${port}/canary /canary\n`);
    const options = {
      ...buildOptions(target, context),
      policy: 'none',
      output: `type=local,dest=${context}/out`,
    } as const;
    const status = await solve(options);
    if (connections > 0 || status === 0) {
      throw new SandboxError(
        'CANARY_REACHED',
        'Cannot call the build hermetic: buildkitd reached a listener of the host',
        { hint: 'Run the job on a hosted runner or as root: buildkitd needs a network namespace of its own' },
      );
    }
    // A daemon that is gone reaches nothing either.
    if (!(await target.daemon.answers())) throw unavailable('buildkitd ended during the canary', 'Run the job again');
  } finally {
    await closed(server);
  }
  return {
    name: 'buildkitd-network',
    target: 'a listener of the host, from the daemon itself',
    outcome: 'blocked',
    detail: 'the daemon could not fetch from it',
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
