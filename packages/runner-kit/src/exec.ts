import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { exec as runProcess } from '@actions/exec';
import { processEnvironment, readVariable } from './environment.js';
import { RunnerError } from './error.js';
import { quote } from './plain-text.js';

export interface ExecOptions {
  /** Absolute path, or a name that is looked up in `env.PATH`. Never a shell line. */
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment of the child: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to the child's standard input, which is then closed. */
  readonly input?: Uint8Array;
  /** Bytes kept of each stream; the rest is dropped (default 1 MiB). */
  readonly maxOutputBytes?: number;
  /** Gets every chunk as it comes, also what is not kept. */
  readonly onOutput?: (chunk: Buffer, stream: 'stdout' | 'stderr') => void;
}

export interface ExecResult {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether output beyond the limit was dropped. */
  readonly truncated: boolean;
}

const DEFAULT_MAX_OUTPUT = 1024 * 1024;
const INHERITABLE = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR'] as const;

/** The harmless variables of the runner (PATH, HOME, USER, LANG, TZ, TMPDIR) that a child may need. No token is among them. */
export function baseEnvironment(): Record<string, string> {
  const environment = processEnvironment();
  const entries = INHERITABLE.map((name) => [name, readVariable(environment, name)] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [(typeof INHERITABLE)[number], string] => entry[1] !== undefined),
  );
}

/**
 * Starts one program without a shell and returns its exit status, whatever it is. Its output is not printed: pass it to
 * `log.untrusted`.
 * @throws {RunnerError} `EXEC_COMMAND_INVALID` when there is no such program, `EXEC_FAILED` when it cannot be started
 */
export async function exec(options: ExecOptions): Promise<ExecResult> {
  const path = await findProgram(options.command, options.env);
  const limit = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
  const stdout = new Capture(limit);
  const stderr = new Capture(limit);
  const take = (capture: Capture, stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    capture.add(chunk);
    options.onOutput?.(chunk, stream);
  };
  try {
    const exitStatus = await runProcess(quoted(path), [...(options.args ?? [])], {
      cwd: options.cwd,
      env: { ...options.env },
      silent: true,
      ignoreReturnCode: true,
      ...(options.input === undefined ? {} : { input: Buffer.from(options.input) }),
      listeners: { stdout: take(stdout, 'stdout'), stderr: take(stderr, 'stderr') },
    });
    return { exitStatus, stdout: stdout.text(), stderr: stderr.text(), truncated: stdout.cut || stderr.cut };
  } catch (cause) {
    throw new RunnerError('EXEC_FAILED', `Cannot run ${quote(options.command)}: it did not start`, {
      cause,
      hint: 'Install the program in an earlier step, or check its path',
    });
  }
}

class Capture {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  cut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    const room = this.#limit - this.#size;
    if (chunk.length > room) this.cut = true;
    const kept = chunk.subarray(0, Math.max(0, room));
    this.#size += kept.length;
    if (kept.length > 0) this.#chunks.push(Buffer.from(kept));
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

async function findProgram(command: string, env: Readonly<Record<string, string>>): Promise<string> {
  const folders = isAbsolute(command) ? [''] : (env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  // A name with a slash would be looked up from the working folder, which holds code of others.
  if (isAbsolute(command) || !/[/\\]/.test(command)) {
    for (const folder of folders) {
      const path = folder === '' ? command : join(folder, command);
      if (await isExecutable(path)) return path;
    }
  }
  throw new RunnerError('EXEC_COMMAND_INVALID', `Cannot run ${quote(command)}: there is no such program`, {
    hint: 'Name a program of the PATH, or give its absolute path',
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The library splits its first argument at spaces, so the path goes in quotes. */
function quoted(path: string): string {
  if (/["\\]/.test(path)) {
    throw new RunnerError('EXEC_COMMAND_INVALID', `Cannot run ${quote(path)}: its path has a quote or a backslash`, {
      hint: 'Move the program to a path without quotes and backslashes',
    });
  }
  return `"${path}"`;
}
