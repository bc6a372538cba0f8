import type { JobResult, RunEvent } from '@paved/local-runner';
import type { Published } from './published.js';
import type { Refusal } from './refusals.js';
import type { Verification } from './verify.js';

const BOLD = ['\x1b[1m', '\x1b[22m'] as const;
const GREEN = ['\x1b[32m', '\x1b[39m'] as const;
const RED = ['\x1b[31m', '\x1b[39m'] as const;
const DIM = ['\x1b[2m', '\x1b[22m'] as const;

/** Writes the demo's progress for people; colours only on a terminal. */
export class Report {
  readonly #out: NodeJS.WriteStream;
  readonly #colours: boolean;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#colours = out.isTTY === true && process.env.NO_COLOR === undefined;
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  title(text: string): void {
    this.line();
    this.line(this.#paint(BOLD, text));
  }

  fact(name: string, value: string): void {
    this.line(`  ${name.padEnd(12)} ${value}`);
  }

  warning(text: string): void {
    this.line(this.#paint(RED, `  ${text}`));
  }

  /** Job and step lines while a release runs. */
  progress(event: RunEvent): void {
    switch (event.$case) {
      case 'job-started':
        this.line(`  ${event.job}`);
        return;
      case 'step-finished': {
        const { step } = event;
        const mark = step.outcome === 'success' ? this.#paint(GREEN, 'ok') : this.#paint(RED, step.outcome);
        this.line(`    ${mark}  ${step.name.padEnd(58)} ${seconds(step.durationMs)}`);
        for (const note of step.annotations)
          if (note.level === 'error') this.warning(`      ${note.message.replaceAll('\n', '\n        ')}`);
        return;
      }
      case 'job-finished':
        for (const note of event.job.annotations) this.warning(`  ${note.message}`);
        this.line(this.#paint(DIM, `    ${event.job.result} in ${seconds(event.job.durationMs)}`));
        return;
      case 'step-started':
        return;
    }
  }

  published({ repository, digest, tags, bundles }: Published, host: string): void {
    this.fact('image', `${host}/${repository}@${digest}`);
    this.fact('tag', tags.join(', ') || 'none');
    for (const bundle of bundles) this.fact('referrer', `${bundle.predicateType}  ${bundle.path}`);
  }

  verification({ ok, checks }: Verification): void {
    for (const check of checks) {
      this.line(
        `    ${check.ok ? this.#paint(GREEN, 'ok') : this.#paint(RED, check.code ?? 'no')}  ${check.name.padEnd(28)} ${check.detail ?? ''}`,
      );
    }
    this.fact('verify', ok ? this.#paint(GREEN, 'accepted') : this.#paint(RED, 'refused'));
  }

  refusal(letter: string, { attack, refused, by, code, message, durationMs }: Refusal): void {
    this.line(`  (${letter}) ${attack}`);
    const verdict = refused ? this.#paint(GREEN, 'refused') : this.#paint(RED, 'NOT REFUSED');
    this.line(`      ${verdict} by ${by}: ${code} (${seconds(durationMs)})`);
    for (const line of message.split('\n')) this.line(this.#paint(DIM, `      ${line}`));
  }

  #paint([on, off]: readonly [string, string], text: string): string {
    return this.#colours ? `${on}${text}${off}` : text;
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The last lines of each failed step, for a release that should have gone through. */
export function failureLog(jobs: readonly JobResult[]): string {
  return jobs
    .flatMap((job) =>
      job.steps
        .filter((step) => step.outcome === 'failure')
        .map((step) => `${job.id} / ${step.name}\n${step.log.slice(-4000)}`),
    )
    .join('\n');
}
