import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTAINER_SCRIPT } from './container-script.js';
import { brokenAt, namespaceCommand, type SandboxMethod, supervise } from './sandbox.js';

export interface ContainerPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

export interface ContainerJob {
  /** One tar with the file system of the image: names without `..`, a folder before what is in it, no devices. */
  readonly tarPath: string;
  /** Scratch folder of the action, invisible inside. */
  readonly workDir: string;
  /** Never 0. */
  readonly uid: number;
  readonly gid: number;
  /** Absolute path in the image. */
  readonly workingFolder: string;
  readonly environment: readonly string[];
  /** Program and arguments; the program is looked up in the PATH of `environment`, within the image. */
  readonly entrypoint: readonly string[];
  readonly ports: readonly ContainerPort[];
  /** Without `SIG`, or a number. */
  readonly stopSignal: string;
  /** The loader that the program names, and the program: both absolute, in the image. */
  readonly libraries?: { readonly loader: string; readonly program: string };
  /** Shell text that is run beside the container, over a folder that appears writable as /build. */
  readonly script?: { readonly command: string; readonly buildDir: string };
  /** What the file system of the image can hold, in bytes. */
  readonly memoryFileBytes: number;
  readonly settleSeconds: number;
  readonly portSeconds: number;
  readonly graceSeconds: number;
  /** Of everything together. */
  readonly timeoutMs: number;
  /** `stderr` is what the container writes, `stdout` what the script does. The answer `false` ends both at once. */
  readonly onOutput: (chunk: Buffer, stream: 'stdout' | 'stderr') => unknown;
}

/** What was seen of the container, by process 1 of its namespaces; nothing of it is what the image says about itself but `libraries`. */
export interface ContainerRun {
  /** Lines of the image's own loader, and its status. */
  readonly libraries: { readonly lines: readonly string[]; readonly exitStatus: number } | undefined;
  /** Ports that listen, as `tcp/8080`. */
  readonly listening: readonly string[];
  /** It ended before it was asked to: before the script, or while the script ran. */
  readonly ended: { readonly exitStatus: number; readonly during: 'start' | 'script' } | undefined;
  /** Status after the stop signal; `undefined` when it went on. */
  readonly stopped: number | undefined;
  readonly scriptStatus: number | undefined;
  readonly timedOut: boolean;
  /** `onOutput` answered `false`. */
  readonly tooMuchOutput: boolean;
}

const SCRIPT_UID = 65_531;
const MAX_STATE_BYTES = 256 * 1024;
const INODES = 1_000_000;

/**
 * Runs an image as a container: its file system in memory, its own user, no capabilities and no way to gain them, and in namespaces
 * with nothing in the network but loopback, which the script shares. Returns when no process of it is left.
 * @throws {SandboxError} `SANDBOX_BROKEN` naming the stage that failed, before anything of the image was started
 */
export async function runContainer(method: SandboxMethod, job: ContainerJob): Promise<ContainerRun> {
  assertJob(job);
  const folder = await mkdtemp(join(job.workDir, 'container-'));
  try {
    const path = (name: string) => join(folder, name);
    await mkdir(path('root'));
    await writeFile(path('setup'), CONTAINER_SCRIPT);
    await writeFile(path('script'), job.script?.command ?? '');
    await writeFile(path('state'), '');
    const { timedOut, stopped } = await supervise(argumentsOf(method, job, path), job);
    const lines = (await readFile(path('state'), 'utf8')).slice(0, MAX_STATE_BYTES).trim().split('\n');
    // A container that ran too long is killed with all others, so there is no last line; what was seen until then is.
    const isWhole = lines.at(-1) === 'exit 0' || ((timedOut || stopped) && lines.includes(`stage ${LAST_STAGE}`));
    if (!isWhole) throw brokenAt(lines.at(-1) ?? '');
    return { ...seenIn(lines), timedOut, tooMuchOutput: stopped };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const LAST_STAGE = 'start the container';

/** What the caller must have refused already: the script would misunderstand it. */
function assertJob(job: ContainerJob): void {
  const sound =
    Number.isInteger(job.uid) &&
    job.uid > 0 &&
    /^[A-Z0-9+-]{1,16}$/.test(job.stopSignal) &&
    job.workingFolder.startsWith('/') &&
    job.entrypoint.length > 0 &&
    !(job.entrypoint[0] ?? '').includes('=') &&
    job.environment.every((line) => /^[^=]+=/.test(line) && !line.startsWith('-'));
  if (!sound) throw new TypeError('Cannot run the container: its user, signal, folder or environment was not checked');
}

function argumentsOf(method: SandboxMethod, job: ContainerJob, path: (name: string) => string): readonly string[] {
  return [
    ...namespaceCommand(method),
    ...['--', '/bin/sh', path('setup'), path('state'), path('root'), job.tarPath],
    ...[job.script?.buildDir ?? '-', path('script'), method === 'user-namespace' ? 'userns' : 'setuid'],
    ...[`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`, String(SCRIPT_UID)],
    ...[job.uid, job.gid].map(String),
    ...[job.workingFolder, job.stopSignal],
    ...[job.settleSeconds, job.portSeconds, job.graceSeconds].map(String),
    `size=${job.memoryFileBytes},nr_inodes=${INODES}`,
    ...[job.libraries?.loader ?? '-', job.libraries?.program ?? '-'],
    ...job.ports.map(({ protocol, port }) => `${protocol}/${port}=${port.toString(16).toUpperCase().padStart(4, '0')}`),
    '--',
    ...job.environment,
    ...job.entrypoint,
  ];
}

function seenIn(lines: readonly string[]): Omit<ContainerRun, 'timedOut' | 'tooMuchOutput'> {
  const all = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const status = (word: string) => {
    const [text] = all(word);
    return text === undefined ? undefined : Number(text);
  };
  const [libraries, start, script] = [status('libraries'), status('ended'), status('died')];
  const ended = start ?? script;
  return {
    libraries: libraries === undefined ? undefined : { lines: all('library'), exitStatus: libraries },
    listening: all('port'),
    ended: ended === undefined ? undefined : { exitStatus: ended, during: start === undefined ? 'script' : 'start' },
    stopped: status('stopped'),
    scriptStatus: status('script'),
  };
}
