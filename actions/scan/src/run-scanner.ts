import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@paved/digest';
import { digestHex, sha256 } from '@paved/digest';
import type { ScanRecord } from '@paved/gate';
import {
  type ReadOnlyBind,
  runInSandbox,
  type SandboxLimits,
  type SandboxMethod,
  type SandboxResult,
} from '@paved/sandbox';
import { checkOutput } from './check-output.js';
import type { Database } from './database.js';
import { ScanError, type ScanErrorCode } from './error.js';
import { type InputKind, PLACES, type Scanner } from './scanner.js';
import type { Tool } from './tool.js';

/** What all scanners of a run share. */
export interface Stage {
  readonly method: SandboxMethod;
  readonly workDir: string;
  /** Reports are written here. */
  readonly folder: string;
  /** Staged copies; see {@link stageInput}. */
  readonly sbom: string | undefined;
  readonly input: { readonly path: string; readonly kind: InputKind; readonly namedLayers?: string } | undefined;
  readonly subject: Digest | undefined;
  readonly asOf: string;
  readonly limits: { readonly timeoutMs: number; readonly reportBytes: number; readonly memoryBytes: number };
}

export interface Job {
  readonly scanner: Scanner;
  readonly tool: Tool;
  readonly database: Database | undefined;
  /** Position among the scanners: each gets a user of its own. */
  readonly index: number;
}

const FIRST_UID = 65_532;
const ERROR_BYTES = 64 * 1024;
const QUOTED_BYTES = 400;
const MEMORY_FILE_BYTES = 4 * 1024 ** 3;
/** Threads count as processes here. */
const MAX_PROCESSES = 1024;
const SIGNALLED = 128;

/**
 * Runs one scanner and returns its record, with the report already on disk and hashed. It gets no network, no folder to write to and
 * an empty environment; what it prints is the only thing that leaves.
 * @throws {ScanError} one code per way of giving no answer
 */
export async function runScanner(job: Job, stage: Stage): Promise<ScanRecord> {
  const { scanner, tool, database } = job;
  const args = scanner.arguments(stage.input?.kind ?? 'folder');
  const output = new Output(stage.limits.reportBytes);
  const started = new Date();
  const result = await runInSandbox(stage.method, {
    command: commandOf(scanner, args),
    workDir: stage.workDir,
    environment: { PATH: '/usr/bin:/bin', HOME: '/tmp/home', TMPDIR: '/tmp', LANG: 'C.UTF-8', ...scanner.environment },
    binds: bindsOf(job, stage),
    timeoutMs: stage.limits.timeoutMs,
    uid: FIRST_UID - job.index,
    limits: limitsOf(stage),
    onOutput: (chunk, stream) => output.take(chunk, stream),
  });
  const durationMs = Date.now() - started.getTime();
  assertAnswered(scanner, result, output, stage);
  const bytes = output.report();
  const { builtAt } = checkOutput(scanner, bytes, stage.asOf, database);
  const path = `${scanner.name}.json`;
  await writeFile(join(stage.folder, path), bytes, { flag: 'wx' });
  return {
    scanner: scanner.name,
    tool: tool.record,
    arguments: args,
    databases: (database?.records ?? []).map((entry) => (builtAt === undefined ? entry : { ...entry, builtAt })),
    isolation: stage.method,
    ...(stage.subject === undefined ? {} : { subject: stage.subject }),
    exitStatus: result.exitStatus,
    startedAt: started.toISOString(),
    durationMs,
    output: { kind: scanner.output.kind, path, size: bytes.length, sha256: digestHex(sha256(bytes)) },
  };
}

/** Constant words of {@link Scanner} alone; quoted all the same, so that none of them is ever parsed. */
function commandOf(scanner: Scanner, args: readonly string[]): string {
  const words = [`${PLACES.tools}/${scanner.tool}`, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return `${scanner.prepare ?? ':'}\nexec ${words.join(' ')}\n`;
}

function bindsOf({ scanner, tool, database }: Job, stage: Stage): readonly ReadOnlyBind[] {
  const files = scanner.readsNamedLayers ? (stage.input?.namedLayers ?? stage.input?.path) : stage.input?.path;
  const source = scanner.reads === 'sbom' ? stage.sbom : files;
  const target = scanner.reads === 'sbom' ? PLACES.sbom : PLACES.input;
  return [
    { source: tool.path, target: `${PLACES.tools}/${scanner.tool}` },
    ...(source === undefined ? [] : [{ source, target }]),
    ...(database === undefined ? [] : [{ source: database.folder, target: PLACES.databases }]),
  ];
}

function limitsOf({ limits }: Stage): SandboxLimits {
  return {
    cpuSeconds: Math.ceil((limits.timeoutMs / 1000) * availableParallelism()),
    memoryBytes: limits.memoryBytes,
    fileBytes: MEMORY_FILE_BYTES,
    processes: MAX_PROCESSES,
    memoryFileBytes: MEMORY_FILE_BYTES,
  };
}

function assertAnswered(scanner: Scanner, result: SandboxResult, output: Output, stage: Stage): void {
  const refuse = (code: ScanErrorCode, state: string, hint: string) =>
    new ScanError(code, `Cannot scan with ${scanner.name}: ${state}${output.said()}`, { hint });
  if (result.stopped) {
    const state = `its report has more than ${stage.limits.reportBytes} bytes`;
    throw refuse('SCANNER_OUTPUT_TOO_LARGE', state, 'Scan less at once; the gate reads no larger report');
  }
  if (result.timedOut) {
    const state = `it did not end within ${Math.round(stage.limits.timeoutMs / 1000)} s`;
    throw refuse('SCANNER_TIMEOUT', state, 'Raise timeout, or scan less at once');
  }
  const status = result.exitStatus;
  if (status === scanner.nothingStatus) {
    throw refuse('SCANNER_NOTHING_SCANNED', 'it found nothing to look at', 'Name what it can read, or leave it out');
  }
  if (status !== 0 && !scanner.findingStatuses.includes(status)) {
    const crashed = status > SIGNALLED;
    const state = crashed ? `signal ${status - SIGNALLED} ended it` : `it ended with status ${status}`;
    throw refuse(crashed ? 'SCANNER_CRASHED' : 'SCANNER_FAILED', state, 'What it said is in the log of the step');
  }
  if (output.size === 0) {
    throw refuse('SCANNER_OUTPUT_EMPTY', `it ended with status ${status} and wrote nothing`, 'No report is no answer');
  }
}

/** Standard output is the report, standard error the start of what it said. */
class Output {
  readonly #limit: number;
  readonly #report: Buffer[] = [];
  readonly #errors: Buffer[] = [];
  #errorBytes = 0;
  size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `false` when the report is larger than allowed. */
  take(chunk: Buffer, stream: 'stdout' | 'stderr'): boolean {
    if (stream === 'stderr') {
      const kept = chunk.subarray(0, ERROR_BYTES - this.#errorBytes);
      this.#errorBytes += kept.length;
      if (kept.length > 0) this.#errors.push(Buffer.from(kept));
      return true;
    }
    this.size += chunk.length;
    if (this.size > this.#limit) return false;
    this.#report.push(chunk);
    return true;
  }

  report(): Buffer {
    return Buffer.concat(this.#report);
  }

  /** Its last words, in printable ASCII: text of others in an annotation. */
  said(): string {
    const text = Buffer.concat(this.#errors)
      .toString('latin1')
      .replaceAll(/[^\x20-\x7e]+/g, ' ')
      .replaceAll(/ ?\[\d{1,3}(?:;\d{1,3})*m/g, '')
      .trim();
    return text === '' ? '' : ` ("${text.slice(-QUOTED_BYTES)}")`;
  }
}
