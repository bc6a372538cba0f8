import { useOneTemp } from '../temp/one-temp.js';
import type { EngineName } from './catalog.js';
import { enginePath, installEngine } from './install.js';
import type { TestReport } from './suite.js';
import { SUITES } from './suites.js';

/** `npm run engines -- NAME`: judges paved by real programs. Exits 1 when a test fails or cannot be run. */
async function main(name: string | undefined): Promise<number> {
  const suites = name === undefined || !Object.hasOwn(SUITES, name) ? undefined : SUITES[name];
  if (suites === undefined) {
    say(`Cannot run suite "${name ?? ''}": it is not known. Known suites: ${Object.keys(SUITES).join(', ')}`);
    return 1;
  }
  const outcomes = { passed: 0, failed: 0 };
  for (const suite of suites) {
    try {
      for (const engine of suite.engines) await installEngine(engine, say);
      await suite.run((engine: EngineName) => enginePath(engine), reporter(outcomes));
    } catch (error) {
      // What the tests share did not start: none of them has run, and that is a failure, not a skip.
      outcomes.failed += 1;
      say(`FAIL suite ${name}: ${describe(error)}`);
    }
  }
  if (outcomes.passed === 0 && outcomes.failed === 0) outcomes.failed += 1;
  say(`${outcomes.passed} passed, ${outcomes.failed} failed`);
  return outcomes.failed === 0 ? 0 : 1;
}

function reporter(outcomes: { passed: number; failed: number }): TestReport {
  return {
    say,
    async test(name, body) {
      try {
        await body();
        outcomes.passed += 1;
        say(`ok   ${name}`);
      } catch (error) {
        outcomes.failed += 1;
        say(`FAIL ${name}\n     ${describe(error).replaceAll('\n', '\n     ')}`);
      }
    },
  };
}

function describe(error: unknown): string {
  const links: string[] = [];
  for (let link = error; link instanceof Error && links.length < 5; link = link.cause) links.push(link.message);
  return links.join('\n<- ') || String(error);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

useOneTemp();
// A server that a failed suite left behind must not keep the result waiting.
process.exit(await main(process.argv[2]));
