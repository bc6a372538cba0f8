import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { evaluateRules } from '../../../actions/scan-gate/src/rego/evaluate-rules.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';

const run = promisify(execFile);
const FIXTURES = join(process.cwd(), 'test', 'fixtures', 'rego');
/** Compiled: the thread starts with JavaScript. */
const WORKER = join(process.cwd(), 'build', 'actions', 'scan-gate', 'src', 'rego', 'rules-worker.js');
const MODULES: Readonly<Record<string, readonly string[]>> = {
  rules: ['deny', 'deny_build', 'violation', 'warn', 'helper'],
  endless: ['deny'],
  network: ['deny'],
};
const INPUT = {
  version: 1,
  components: [
    { purl: 'pkg:npm/left-pad@1.3.0', name: 'left-pad', licences: [] },
    { purl: 'pkg:npm/ms@2.1.3', name: 'ms', licences: ['MIT'] },
  ],
  findings: [
    { id: 'CVE-2024-0001', severity: 'medium', fixedIn: ['1.0.1', '2.0.0'] },
    { id: 'CVE-2024-0002', severity: 'low', fixedIn: ['1.0.1'] },
  ],
  buildRecord: { command: 'npm install && npm run build' },
};

interface Rego {
  readonly opa: string;
  readonly folder: string;
}

const sorted = (list: unknown) =>
  JSON.stringify(
    (list as readonly unknown[]).map((item) => JSON.stringify(item, Object.keys(Object(item)).sort())).sort(),
  );

const tests: readonly EngineTest<Rego>[] = [
  ...Object.entries(MODULES).map(([name, rules]) => ({
    name: `opa builds ${name}.wasm of the fixtures byte for byte`,
    async run({ opa, folder }: Rego) {
      const bundle = join(folder, `${name}.tar.gz`);
      const entries = rules.flatMap((rule) => ['-e', `main/${rule}`]);
      await run(opa, ['build', '-t', 'wasm', ...entries, '-o', bundle, `${name}.rego`], { cwd: FIXTURES });
      await run('tar', ['-xzf', bundle, '-C', folder, '/policy.wasm']);
      const [built, kept] = await Promise.all([
        readFile(join(folder, 'policy.wasm')),
        readFile(join(FIXTURES, `${name}.wasm`)),
      ]);
      expectThat('the same bytes', built.equals(kept));
    },
  })),
  {
    name: 'opa evaluates the sources to what our thread answers',
    async run({ opa, folder }) {
      const wasm = await readFile(join(FIXTURES, 'rules.wasm'));
      const answers = await evaluateRules('rules.wasm', wasm, JSON.stringify(INPUT), { workerPath: WORKER });
      expectThat('helper is no rule', !answers.some(({ rule }) => rule.endsWith('/helper')));
      expectThat('four rules', answers.length === 4);
      for (const { rule, value } of answers) {
        const query = `data.${rule.replace('/', '.')}`;
        const child = run(opa, ['eval', '-d', 'rules.rego', '-f', 'json', '--stdin-input', query], { cwd: FIXTURES });
        child.child.stdin?.end(JSON.stringify(INPUT));
        const result = JSON.parse((await child).stdout) as { result: [{ expressions: [{ value: unknown }] }] };
        const wanted = result.result[0].expressions[0].value;
        expectThat(
          `${rule} is as opa has it (${folder})`,
          sorted(value) === sorted(wanted),
          JSON.stringify({ value, wanted }),
        );
        expectThat(`${rule} says something`, (value as readonly unknown[]).length > 0);
      }
    },
  },
];

/** Our rule modules against the real Open Policy Agent. */
export const regoSuite = defineSuite<Rego>({
  engines: ['opa'],
  async start(engine) {
    const folder = await mkdtemp(join(tmpdir(), 'paved-rego-'));
    const stop = () => rm(folder, { recursive: true, force: true });
    return { context: { opa: engine('opa'), folder }, stop };
  },
  tests,
});
