import { array, type Decoder, object, optional, string } from '@paved/json';
import { runProgram } from '../program.js';

/** What act said about one run: its exit status, and the outcome of each step and job by name. */
export interface ActRun {
  readonly status: number | null;
  /** `<job>: <step>` to its result. */
  readonly steps: ReadonlyMap<string, string>;
  readonly jobs: ReadonlyMap<string, string>;
  readonly log: string;
}

const line: Decoder<ActLine> = object({
  job: optional(string),
  step: optional(string),
  stepResult: optional(string),
  jobResult: optional(string),
  msg: optional(string),
});
interface ActLine {
  readonly job?: string | undefined;
  readonly step?: string | undefined;
  readonly stepResult?: string | undefined;
  readonly jobResult?: string | undefined;
  readonly msg?: string | undefined;
}

/**
 * Runs act in host mode. Its steps inherit whatever act has, so `environment` is the whole environment: a test that passed because of
 * a variable of this machine would prove nothing.
 */
export async function runAct(
  act: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly environment: Readonly<Record<string, string>> },
): Promise<ActRun> {
  const assignments = Object.entries(options.environment).map(([name, value]) => `${name}=${value}`);
  const { status, stdout, stderr } = await runProgram('env', ['-i', ...assignments, act, ...args, '--json'], {
    cwd: options.cwd,
    timeoutMs: 5 * 60_000,
  });
  const steps = new Map<string, string>();
  const jobs = new Map<string, string>();
  const messages: string[] = [];
  for (const text of `${stdout}\n${stderr}`.split('\n')) {
    const said = parseLine(text);
    if (said === undefined) continue;
    const { job = '', step = '', stepResult, jobResult, msg = '' } = said;
    // act prints the name of the calling job before the one of the called workflow, and pads all to one width.
    const name = job.split('/').at(-1)?.trim() ?? '';
    if (stepResult !== undefined) steps.set(`${name}: ${step.replace(/^(Main|Post|Pre) /, '')}`, stepResult);
    if (jobResult !== undefined) jobs.set(name, jobResult);
    messages.push(msg.trimEnd());
  }
  return { status, steps, jobs, log: messages.join('\n') };
}

function parseLine(text: string): ActLine | undefined {
  if (!text.startsWith('{')) return text.trim() === '' ? undefined : { msg: text };
  try {
    return array(line)([JSON.parse(text)], '$')[0];
  } catch {
    return { msg: text };
  }
}
