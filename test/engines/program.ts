import { type ChildProcess, spawn } from 'node:child_process';

export interface ProgramResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** Runs a program to its end, without a shell. A program that cannot be started or takes too long has status null. */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return await new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
    child.on('error', (error) => resolve({ ...output, status: null, stderr: `${output.stderr}${error.message}` }));
    child.on('close', (status) => resolve({ ...output, status }));
  });
}

/** @throws when the program does not end with status 0, with the end of what it printed */
export async function runOrThrow(path: string, args: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await runProgram(path, args, options);
  if (status === 0) return stdout;
  throw new Error(`Cannot run ${path} ${args[0] ?? ''}: it ended with ${status}\n${(stderr || stdout).slice(-2000)}`);
}

/** A program that runs until it is stopped. */
export interface Daemon {
  readonly output: () => string;
  stop(): Promise<void>;
}

/** A benchmark ends without stopping what it measured, and a server that lives on keeps its port from the next run. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server and waits until `ready` answers true; it ends with this process at the latest. */
export async function startDaemon(
  path: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
  options: ProgramOptions = {},
): Promise<Daemon> {
  const child = spawn(path, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-8000);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', (error) => {
      output += error.message;
      resolve();
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  };
  const limit = Date.now() + (options.timeoutMs ?? 30_000);
  let alive = true;
  void ended.then(() => {
    alive = false;
    running.delete(child);
  });
  while (alive && Date.now() < limit) {
    if (await ready().catch(() => false)) return { output: () => output, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error(`Cannot start ${path}: it does not answer\n${output.slice(-2000)}`);
}
