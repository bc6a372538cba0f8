import { Worker } from 'node:worker_threads';
import { array, boolean, object, optional, parseJson, string, unknown } from '@paved/json';
import { ScanGateError } from '../error.js';

export const MAX_MODULE_BYTES = 16 * 1024 * 1024;
const MAX_INPUT_CHARS = 64 * 1024 * 1024;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;
const WASM = Buffer.from('\0asm');

export interface RulesOptions {
  /** File that the thread starts with: it is our own bundle, which knows what it is there for. */
  readonly workerPath: string;
  readonly timeoutMs?: number;
}

/** What one rule of a module came to; the value is the module's, and hostile. */
export interface RuleAnswer {
  readonly rule: string;
  readonly value: unknown;
}

const answer = object({
  judges: boolean,
  answers: optional(array(object({ rule: string, value: unknown }))),
});

/**
 * Evaluates one compiled module over `input` (JSON) in a thread of its own: without network, files and environment, with a limit of
 * memory, and ended when its time is up. A module that does not answer is an error, never an empty answer.
 * @throws {ScanGateError} `RULES_INVALID`, `RULES_FAILED`, `RULES_TIMEOUT`
 */
export async function evaluateRules(
  name: string,
  wasm: Uint8Array,
  input: string,
  options: RulesOptions,
): Promise<readonly RuleAnswer[]> {
  if (!WASM.equals(wasm.subarray(0, WASM.length))) {
    throw new ScanGateError('RULES_INVALID', `Cannot use rules "${name}": it is no WebAssembly module`, {
      hint: 'Take policy.wasm out of the bundle of `opa build -t wasm`',
    });
  }
  if (input.length > MAX_INPUT_CHARS) {
    throw failed(name, `its input would have more than ${MAX_INPUT_CHARS} characters`);
  }
  const { judges, answers = [] } = parseJson(
    `the answer of ${name}`,
    await inThread(name, wasm, input, options),
    answer,
  );
  if (judges) return answers.map(({ rule, value }) => ({ rule, value: value ?? null }));
  throw new ScanGateError('RULES_INVALID', `Cannot use rules "${name}": it has no deny, violation or warn`, {
    hint: 'Name the rules when they are compiled: opa build -t wasm -e main/deny -e main/warn',
  });
}

async function inThread(
  name: string,
  wasm: Uint8Array,
  input: string,
  { workerPath, timeoutMs = DEFAULT_TIMEOUT_MS }: RulesOptions,
): Promise<string> {
  const worker = new Worker(workerPath, {
    workerData: { wasm, input, maxMemoryBytes: MAX_MEMORY_BYTES },
    // What a module prints would otherwise be commands to the runner.
    stdout: true,
    stderr: true,
    stdin: false,
    argv: [],
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 },
  });
  // Read and dropped: what nobody reads would pile up here.
  worker.stdout.resume();
  worker.stderr.resume();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      timer = setTimeout(() => reject(late(name, timeoutMs)), timeoutMs);
      worker.on('message', (message: { readonly text?: string; readonly failed?: string }) => {
        if (typeof message.text === 'string') resolve(message.text);
        else reject(failed(name, message.failed ?? 'it says nothing'));
      });
      worker.on('error', (cause) =>
        reject(failed(name, (cause as NodeJS.ErrnoException).code ?? 'its thread failed', cause)),
      );
      worker.on('exit', () => reject(failed(name, 'its thread ended without an answer')));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function failed(name: string, state: string, cause?: unknown): ScanGateError {
  const shown = state.replaceAll(/[^\x20-\x7e]/g, '?');
  return new ScanGateError('RULES_FAILED', `Cannot evaluate rules "${name}": ${shown}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Rules have strings, numbers, regular expressions, JSON and YAML; no network, no files, no environment',
  });
}

function late(name: string, timeoutMs: number): ScanGateError {
  return new ScanGateError('RULES_TIMEOUT', `Cannot evaluate rules "${name}": it took longer than ${timeoutMs} ms`, {
    hint: 'Look for nested iterations over findings or components',
  });
}
