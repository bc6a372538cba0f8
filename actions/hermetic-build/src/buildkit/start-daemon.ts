import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { exec } from '@paved/runner-kit/exec';
import { lastInheritedDescriptor, namespaceCommand, type SandboxMethod } from '@paved/sandbox';
import { RELAY_PORT, RELAY_SCRIPT } from '../patch/relay-script.js';
import { DAEMON_SCRIPT, FILE_SERVER_SCRIPT } from './daemon-script.js';
import { type BuildKitTools, unavailable } from './find-tools.js';

export interface DaemonOptions {
  readonly tools: BuildKitTools;
  readonly method: SandboxMethod | 'none';
  readonly workDir: string;
  /** Folder whose files, named after their digest, answer `ADD`; absent when there are none. */
  readonly filesPath?: string;
  /** Socket that the only port of the daemon's network leads to; RUN steps then share that network. For patches alone. */
  readonly relayPath?: string;
}

export interface Daemon {
  /** `unix://...` */
  readonly address: string;
  /** Asks the daemon whether it is there. */
  answers(): Promise<boolean>;
  /** What the daemon said last when it ended without being stopped; `undefined` when it goes on. */
  lastWords(): Promise<string | undefined>;
  /** Kills the daemon and all that it started; returns when nothing of it is left. */
  stop(): Promise<void>;
}

const SETUP_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const START_MS = 60_000;
const POLL_MS = 100;
const END_MS = 30_000;
const OUTPUT_CHARACTERS = 200_000;
const WORDS_CHARACTERS = 500;
/** Where a Go program says why it ends; the stacks of its threads follow, and are much longer. */
const REASON = /^(?:panic|fatal error|unexpected fault address|runtime): .*$|^SIG[A-Z]+: .*$/m;

/**
 * Starts BuildKit's daemon in network, mount, pid, ipc and uts namespaces of its own. It needs no network, because everything that it
 * may use comes from the client; so a reference that was overlooked cannot be fetched.
 * @throws {HermeticBuildError} `BUILDKIT_UNAVAILABLE`
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { tools, method, workDir, filesPath, relayPath } = options;
  if (method !== 'root' && method !== 'sudo') {
    throw unavailable(`with isolation method ${method}`, 'Run the job as root, or where sudo needs no password');
  }
  const folder = await mkdtemp(join(workDir, 'buildkit-'));
  // The path of a socket may have 107 bytes only.
  const socketFolder = await mkdtemp(join(tmpdir(), 'paved-bk-'));
  const socket = join(socketFolder, 's');
  const place = (name: string) => join(folder, name);
  await mkdir(place('state'));
  await writeFile(place('buildkitd.toml'), configuration(place('state'), socket, options));
  await writeFile(place('daemon.sh'), DAEMON_SCRIPT);
  await writeFile(place('server.cjs'), relayPath === undefined ? FILE_SERVER_SCRIPT : RELAY_SCRIPT);
  const served = relayPath ?? filesPath;
  const files =
    served === undefined ? ['idle', '-', '-', '-'] : ['serve', process.execPath, place('server.cjs'), served];
  const script = [place('daemon.sh'), tools.buildkitd, place('buildkitd.toml'), place('state'), ...files];
  const child = await spawnLeashed([...namespaceCommand(method), '--', '/bin/sh', ...script]);
  const address = `unix://${socket}`;
  const stop = async () => {
    child.leash();
    await child.ended;
    await rm(folder, { recursive: true, force: true });
    await rm(socketFolder, { recursive: true, force: true });
  };
  try {
    await untilReady(tools, address, workDir, child);
  } catch (error) {
    await stop();
    throw error;
  }
  const lastWords = async () => {
    if (await answers(tools, address, workDir)) return undefined;
    // Process 1 lives on while it removes what the daemon left, which may be whole images.
    await Promise.race([child.ended, wait(END_MS, undefined, { ref: false })]);
    return `${child.ending()}; ${lastLines(child.output())}`;
  };
  return { address, answers: () => answers(tools, address, workDir), lastWords, stop };
}

function configuration(state: string, socket: string, { tools, relayPath }: DaemonOptions): string {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  // JSON strings are TOML strings. No entitlement is granted: network.host and security.insecure are refused by the daemon as well.
  return `root = ${JSON.stringify(state)}
insecure-entitlements = []
[grpc]
  address = [${JSON.stringify(`unix://${socket}`)}]
  uid = ${uid}
  gid = ${gid}
[worker.oci]
  enabled = true
  snapshotter = "native"
  binary = ${JSON.stringify(tools.runc)}
  gc = false
${relayPath === undefined ? '' : '  networkMode = "host"\n'}[worker.containerd]
  enabled = false
[registry."127.0.0.1:${RELAY_PORT}"]
  http = true
`;
}

interface Leashed {
  readonly ended: Promise<void>;
  readonly leash: () => void;
  readonly output: () => string;
  /** `exit status 2`, `signal SIGKILL`. */
  readonly ending: () => string;
  readonly running: () => boolean;
}

async function spawnLeashed([program = '', ...args]: readonly string[]): Promise<Leashed> {
  const covered = Array.from({ length: (await lastInheritedDescriptor()) - 2 }, () => 'ignore' as const);
  const child: ChildProcess = spawn(program, args, {
    cwd: '/',
    env: { PATH: SETUP_PATH },
    stdio: ['pipe', 'pipe', 'pipe', ...covered],
  });
  let output = '';
  let running = true;
  let ending = 'still ending';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_CHARACTERS);
  };
  child.stdin?.on('error', () => {});
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const ended = new Promise<void>((resolve) => {
    const end = (how: string) => {
      running = false;
      ending = how;
      resolve();
    };
    child.once('close', (status, signal) => end(signal === null ? `exit status ${status}` : `signal ${signal}`));
    child.once('error', (error) => {
      output += error.message;
      end('not started');
    });
  });
  const leash = () => child.stdin?.end();
  return { ended, leash, output: () => output, ending: () => ending, running: () => running };
}

async function untilReady(tools: BuildKitTools, address: string, workDir: string, child: Leashed): Promise<void> {
  const limit = Date.now() + START_MS;
  while (child.running() && Date.now() < limit) {
    if (await answers(tools, address, workDir)) return;
    await wait(POLL_MS);
  }
  throw unavailable(
    `buildkitd does not answer (${lastLines(child.output())})`,
    'Run the job as root, or where sudo needs no password',
  );
}

async function answers(tools: BuildKitTools, address: string, workDir: string): Promise<boolean> {
  const args = ['--addr', address, 'debug', 'workers'];
  const { exitStatus } = await exec({ command: tools.buildctl, args, cwd: workDir, env: {} });
  return exitStatus === 0;
}

/** The reason, where the output names one, and its end. */
function lastLines(output: string): string {
  const reason = REASON.exec(output)?.[0];
  const end = printable(output).slice(-WORDS_CHARACTERS);
  return reason === undefined ? end : `${printable(reason).slice(0, WORDS_CHARACTERS)} ... ${end}`;
}

function printable(output: string): string {
  return output.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
}
