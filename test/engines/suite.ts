import type { EngineName } from './catalog.js';

/** One statement about us that an engine confirms. It throws what is wrong. */
export interface EngineTest<Context> {
  readonly name: string;
  run(context: Context): Promise<void>;
}

export interface EngineSuite {
  readonly engines: readonly EngineName[];
  /** Starts what the tests share, runs `each` for every test, and stops it again. */
  run(engine: (name: EngineName) => string, report: TestReport): Promise<void>;
}

export interface TestReport {
  /** Runs one test and records its outcome; an error is a failed test and never ends the suite. */
  test(name: string, body: () => Promise<void>): Promise<void>;
  say(line: string): void;
}

/** Makes a suite out of a list of named tests over one shared context. */
export function defineSuite<Context>(options: {
  readonly engines: readonly EngineName[];
  start(engine: (name: EngineName) => string): Promise<{ readonly context: Context; stop(): Promise<void> }>;
  readonly tests: readonly EngineTest<Context>[];
}): EngineSuite {
  return {
    engines: options.engines,
    async run(engine, report) {
      const { context, stop } = await options.start(engine);
      try {
        for (const { name, run } of options.tests) await report.test(name, () => run(context));
      } finally {
        await stop();
      }
    },
  };
}

/** @throws with `what` when the condition does not hold */
export function expectThat(what: string, condition: boolean, detail = ''): void {
  if (!condition) throw new Error(`expected: ${what}${detail === '' ? '' : `\n${detail}`}`);
}
