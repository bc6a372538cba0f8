import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** The service's own patience for output after a step's process has ended. */
const CLOSE_GRACE_MS = 5_000;

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
}

export interface ProcessEnd {
  readonly exitCode: number;
  readonly timedOut: boolean;
}

/** Runs a program in a process group of its own without standard input; at the time limit the whole group is killed. */
export async function runProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', options.onLine);
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, options.timeoutMs);
  try {
    const exitCode = await ended(child);
    return { exitCode, timedOut };
  } finally {
    clearTimeout(timer);
    killGroup(child);
  }
}

async function ended(child: ChildProcess): Promise<number> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  const patience = new AbortController();
  await Promise.race([closed, sleep(CLOSE_GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  return exitCode;
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
