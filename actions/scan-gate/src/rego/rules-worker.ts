import { parentPort, workerData } from 'node:worker_threads';
import { loadPolicy } from '@open-policy-agent/opa-wasm';

// The one file that runs in the thread of a rule module. It imports nothing of ours, so that nothing of ours is in reach.

/** Names of rules as conftest has them (its documentation, "Writing policies"). */
const RULE = /^(?:deny|violation|warn)(?:_[A-Za-z0-9]+)*$/;
const MAX_ANSWER_CHARS = 16 * 1024 * 1024;
const PAGE_BYTES = 65_536;

interface Work {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly input: string;
  readonly maxMemoryBytes: number;
}

interface Answer {
  readonly rule: string;
  readonly value: unknown;
}

/** An entry point is a rule, or a package whose rules are looked at one by one; what is neither says nothing. */
function answersOf(entrypoint: string, value: unknown): readonly Answer[] {
  if (RULE.test(entrypoint.slice(entrypoint.lastIndexOf('/') + 1))) return [{ rule: entrypoint, value }];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .filter(([name]) => RULE.test(name))
    .map(([name, inner]) => ({ rule: `${entrypoint}/${name}`, value: inner }));
}

async function evaluate({ wasm, input, maxMemoryBytes }: Work): Promise<string> {
  // No built-in functions beside those of the library: strings, regular expressions, JSON, YAML.
  const memory = { initial: 32, maximum: Math.floor(maxMemoryBytes / PAGE_BYTES) };
  const policy = await loadPolicy(wasm, memory, {});
  const entrypoints = Object.keys(policy.entrypoints as Readonly<Record<string, number>>);
  const document: unknown = JSON.parse(input);
  const answers: Answer[] = [];
  let judges = false;
  for (const entrypoint of entrypoints) {
    const results = policy.evaluate(document as object, entrypoint) as readonly { readonly result: unknown }[];
    judges ||= RULE.test(entrypoint.slice(entrypoint.lastIndexOf('/') + 1));
    for (const { result } of results) answers.push(...answersOf(entrypoint, result));
  }
  if (!judges && answers.length === 0) return JSON.stringify({ judges: false });
  const text = JSON.stringify({ judges: true, answers });
  if (text.length > MAX_ANSWER_CHARS) throw new RangeError(`it answers more than ${MAX_ANSWER_CHARS} characters`);
  return text;
}

/** The library throws texts and plain objects as well. */
function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : (error as { message?: unknown } | null)?.message;
  return String(typeof text === 'string' ? text : error).slice(0, 300);
}

try {
  parentPort?.postMessage({ text: await evaluate(workerData as Work) });
} catch (error) {
  parentPort?.postMessage({ failed: wordsOf(error) });
}
