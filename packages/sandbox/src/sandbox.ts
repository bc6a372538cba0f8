import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IsolationMethod } from '@paved/attestation';
import { SandboxError } from './error.js';
import { lastInheritedDescriptor } from './inherited-descriptors.js';
import { SETUP_SCRIPT } from './setup-script.js';

/** Kernel mechanisms, strongest and most common first. */
export type SandboxMethod = Exclude<IsolationMethod, 'none'>;
export const SANDBOX_METHODS: readonly SandboxMethod[] = ['root', 'sudo', 'user-namespace'];

export interface ReadOnlyBind {
  readonly source: string;
  /** Absolute path inside the sandbox. */
  readonly target: string;
}

export interface SandboxJob {
  /** The caller's words, run by bash (`-e -o pipefail`) or else `sh -e` from a file; never part of another command line. */
  readonly command: string;
  /**
   * Appears writable as /build; must be a folder of its own that nobody else uses. Without it /build is memory, and nothing but the
   * output of the command leaves the sandbox.
   */
  readonly buildDir?: string;
  /** Scratch folder of the action, invisible inside. */
  readonly workDir: string;
  /** The whole environment of the command; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly binds?: readonly ReadOnlyBind[];
  readonly timeoutMs: number;
  /** User and group inside (default 65532); sandboxes that run at the same time take one each. Kept by `root` and `sudo` alone. */
  readonly uid?: number;
  readonly limits?: SandboxLimits;
  /** Standard output and error, in order of arrival. The answer `false` ends the sandbox at once. */
  readonly onOutput: (chunk: Buffer, stream: 'stdout' | 'stderr') => unknown;
}

/** Bounds that the command can neither raise nor leave; each counts for one process, `memoryFileBytes` for /tmp and /build each. */
export interface SandboxLimits {
  readonly cpuSeconds: number;
  /** Address space, in bytes. */
  readonly memoryBytes: number;
  /** Largest file that it can write, in bytes. */
  readonly fileBytes: number;
  readonly processes: number;
  /** What the file systems in memory can hold, in bytes. */
  readonly memoryFileBytes: number;
}

export interface SandboxResult {
  /** 128 + n when signal n ended the command. */
  readonly exitStatus: number;
  readonly timedOut: boolean;
  /** `onOutput` answered `false`. */
  readonly stopped: boolean;
}

/** Fixed, so that nothing on the caller's PATH can stand in for the tools that make the sandbox. */
const SETUP_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const NAMESPACES = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL'];
const MAX_STATE_BYTES = 4096;
const DEFAULT_UID = 65_532;
/** In place of a folder: memory. */
const IN_MEMORY = '-';

/** The argument vector that creates the namespaces; `sudo` is never allowed to ask for a password. */
export function namespaceCommand(method: SandboxMethod): readonly string[] {
  switch (method) {
    case 'root':
      return ['unshare', ...NAMESPACES];
    case 'sudo':
      return ['sudo', '-n', '--', '/usr/bin/env', '-i', `PATH=${SETUP_PATH}`, 'unshare', ...NAMESPACES];
    case 'user-namespace':
      return ['unshare', '--user', '--map-root-user', ...NAMESPACES];
  }
}

/**
 * Runs one command in new network, pid, ipc, uts and mount namespaces, with its own root file system, as another user, without
 * capabilities or a way to gain them; returns when no process of it is left.
 * node:child_process is used directly, because the sandbox needs a pipe as leash and an empty environment from the first process on.
 * @throws {SandboxError} `SANDBOX_BROKEN` naming the stage that failed, before the command was started
 */
export async function runInSandbox(method: SandboxMethod, job: SandboxJob): Promise<SandboxResult> {
  const folder = await mkdtemp(join(job.workDir, 'sandbox-'));
  try {
    const args = await prepare(method, job, folder);
    const { timedOut, stopped } = await supervise(args, job);
    return { ...(await readState(join(folder, 'state'))), timedOut, stopped };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(method: SandboxMethod, job: SandboxJob, folder: string): Promise<readonly string[]> {
  const path = (name: string) => join(folder, name);
  await mkdir(path('root'));
  await writeFile(path('setup'), SETUP_SCRIPT);
  await writeFile(path('command'), job.command);
  await writeFile(path('state'), '');
  const identity = method === 'user-namespace' ? 'userns' : 'setuid';
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return [
    ...namespaceCommand(method),
    '--',
    '/bin/sh',
    path('setup'),
    path('state'),
    path('root'),
    job.buildDir ?? IN_MEMORY,
    path('command'),
    identity,
    owner,
    String(job.uid ?? DEFAULT_UID),
    mountOptions(job.limits),
    resourceLimits(job.limits),
    ...(job.binds ?? []).flatMap(({ source, target }) => [source, target]),
    '--',
    ...Object.entries(job.environment).map(([name, value]) => `${name}=${value}`),
  ];
}

function mountOptions(limits: SandboxLimits | undefined): string {
  return limits === undefined ? 'mode=1777' : `mode=1777,size=${limits.memoryFileBytes}`;
}

/** Options of prlimit(1), soft and hard at once; empty without limits. Core files would be a second way out. */
function resourceLimits(limits: SandboxLimits | undefined): string {
  if (limits === undefined) return '';
  const { cpuSeconds, memoryBytes, fileBytes, processes } = limits;
  return `--cpu=${cpuSeconds} --as=${memoryBytes} --fsize=${fileBytes} --nproc=${processes} --core=0`;
}

/** How the sandbox ended. Ending the child's standard input is what stops the sandbox: it works across `sudo`, signals do not. */
export async function supervise(
  args: readonly string[],
  job: Pick<SandboxJob, 'timeoutMs' | 'onOutput'>,
): Promise<Pick<SandboxResult, 'timedOut' | 'stopped'>> {
  const [program = 'unshare', ...rest] = args;
  const covered = Array.from({ length: (await lastInheritedDescriptor()) - 2 }, () => 'ignore' as const);
  const child = spawn(program, rest, {
    cwd: '/',
    env: { PATH: SETUP_PATH },
    // The type knows three descriptors only; the others are what may not be inherited.
    stdio: ['pipe', 'pipe', 'pipe', ...covered] as unknown as ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  let timedOut = false;
  let stopped = false;
  const take = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    if (stopped || job.onOutput(chunk, stream) !== false) return;
    stopped = true;
    child.stdin.end();
  };
  child.stdout.on('data', take('stdout'));
  child.stderr.on('data', take('stderr'));
  const timer = setTimeout(() => {
    timedOut = true;
    child.stdin.end();
  }, job.timeoutMs);
  try {
    await closed(child);
  } finally {
    clearTimeout(timer);
    child.stdin.destroy();
  }
  return { timedOut, stopped };
}

function closed(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new SandboxError('SANDBOX_BROKEN', 'Cannot start the sandbox: its first program is missing', {
          cause,
          hint: 'Run the job on a hosted runner, or give its machine util-linux',
        }),
      );
    });
    child.once('close', () => resolve());
  });
}

/** The last stage is `exit <status>` only when process 1 got to its end. */
async function readState(path: string): Promise<{ readonly exitStatus: number }> {
  const lines = (await readFile(path, 'utf8')).slice(-MAX_STATE_BYTES).trim().split('\n');
  const last = lines.at(-1) ?? '';
  const exit = /^exit (\d{1,3})$/.exec(last);
  if (exit !== null) return { exitStatus: Number(exit[1]) };
  throw brokenAt(last);
}

/** @param last the last line of the state file */
export function brokenAt(last: string): SandboxError {
  const stage = /^stage (.+)$/.exec(last)?.[1] ?? 'create the namespaces';
  return new SandboxError('SANDBOX_BROKEN', `Cannot run in the sandbox: it could not ${stage}`, {
    hint: 'Run the job on a hosted runner, or let its machine make user namespaces',
  });
}
