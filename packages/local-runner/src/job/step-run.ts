import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ChildProcessTrap } from '../process/child-process-trap.js';
import { FileCommands } from '../process/file-commands.js';
import { LogReader } from '../process/log-commands.js';
import { type ProcessOptions, runProcess } from '../process/run-process.js';
import type { ChildProcessUse } from '../result.js';
import type { JobState } from './job-state.js';
import type { Machine } from './machine.js';

/** Names that a step may not set for later steps: Node would load code from it. */
const BLOCKED_VARIABLES = new Set(['NODE_OPTIONS']);

/** One execution (main or post) of a step: its files, its log, its effects on the job. */
export class StepRun {
  readonly log: LogReader;
  readonly #files: FileCommands;
  readonly #state: JobState;
  readonly #machine: Machine;
  readonly #deadline: number;
  #failed = false;
  #childProcesses: readonly ChildProcessUse[] = [];

  private constructor(state: JobState, machine: Machine, files: FileCommands, deadline: number) {
    this.log = new LogReader(state.masker);
    this.#state = state;
    this.#machine = machine;
    this.#files = files;
    this.#deadline = deadline;
  }

  static async create(state: JobState, machine: Machine, deadline: number): Promise<StepRun> {
    const files = await FileCommands.create(join(machine.temp, '_runner_file_commands'), randomUUID());
    return new StepRun(state, machine, files, deadline);
  }

  get failed(): boolean {
    return this.#failed || this.log.failure !== undefined;
  }

  get childProcesses(): readonly ChildProcessUse[] {
    return this.#childProcesses;
  }

  fail(message: string): void {
    this.#failed = true;
    this.log.annotate('error', message);
  }

  async runShell(script: string, shell: string | undefined, cwd: string, env: Record<string, string>): Promise<void> {
    const args = shell === 'bash' ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e'];
    await this.#run({ command: shell === 'sh' ? 'sh' : 'bash', args: [...args, script], cwd, env });
  }

  async runNode(script: string, env: Record<string, string>, trapped: boolean): Promise<void> {
    const trap = trapped ? await ChildProcessTrap.create(this.#machine.private, randomUUID()) : undefined;
    const args = trap === undefined ? [script] : ['--import', trap.preloadPath, script];
    await this.#run({ command: process.execPath, args, cwd: this.#machine.workspace, env });
    this.#childProcesses = (await trap?.uses()) ?? [];
  }

  async #run(options: Omit<ProcessOptions, 'timeoutMs' | 'onLine'>): Promise<void> {
    const timeoutMs = Math.max(1, this.#deadline - Date.now());
    const env = { ...options.env, ...this.#files.variables };
    const end = await runProcess({ ...options, env, timeoutMs, onLine: (line) => this.log.line(line) });
    if (end.timedOut) this.fail('The operation was canceled: its time limit has passed');
    else if (end.exitCode !== 0) this.fail(`Process completed with exit code ${end.exitCode}.`);
    if (this.log.failure !== undefined) this.log.annotate('error', this.log.failure);
  }

  /** Applies what the step wrote to its files; a malformed file fails the step. @returns outputs, state for `post`, and the summary */
  async collect(): Promise<{ outputs: Record<string, string>; state: Record<string, string>; summary: string }> {
    const outputs = new Map(this.log.outputs);
    const state = new Map(this.log.state);
    await this.#apply('GITHUB_OUTPUT', (name, value) => outputs.set(name, value));
    await this.#apply('GITHUB_STATE', (name, value) => state.set(name, value));
    await this.#apply('GITHUB_ENV', (name, value) => {
      if (BLOCKED_VARIABLES.has(name.toUpperCase())) {
        this.fail(`Can't store ${name} output parameter using '$GITHUB_ENV' command.`);
      } else {
        this.#state.env[name] = value;
      }
    });
    for (const path of await this.#files.paths()) this.#state.prependPath(path);
    const summary = await this.#files.summary();
    if (summary === undefined)
      this.log.annotate('error', '$GITHUB_STEP_SUMMARY upload aborted, supports content up to 1024k');
    return {
      outputs: Object.fromEntries(outputs),
      state: Object.fromEntries(state),
      summary: this.#state.masker.mask(summary ?? ''),
    };
  }

  async #apply(
    file: 'GITHUB_OUTPUT' | 'GITHUB_ENV' | 'GITHUB_STATE',
    set: (name: string, value: string) => void,
  ): Promise<void> {
    try {
      for (const [name, value] of await this.#files.pairs(file)) set(name, value);
    } catch (error) {
      this.fail(
        `Unable to process file command '${file}' successfully: ${error instanceof Error ? error.message : ''}`,
      );
    }
  }
}
