import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readConfig, renderWorkflows } from '@paved/toolchain';
import { runProgram } from '../program.js';
import { defineSuite, expectThat } from '../suite.js';

interface Linter {
  readonly folder: string;
  /** Lints workflow texts by name, and returns what actionlint prints. */
  lint(files: Readonly<Record<string, string>>): Promise<string>;
}

/** What `$/` and `job.workflow_*` are is not known to actionlint: .github/actionlint.yaml ignores those with the reason beside each. */
export const actionlintSuite = defineSuite<Linter>({
  engines: ['actionlint'],
  start: async (engine) => {
    const folder = mkdtempSync(join(tmpdir(), 'paved-lint-'));
    const config = resolve('.github/actionlint.yaml');
    const lint: Linter['lint'] = async (files) => {
      const target = join(folder, 'repository');
      rmSync(target, { recursive: true, force: true });
      mkdirSync(join(target, '.github/workflows'), { recursive: true });
      mkdirSync(join(target, '.git'));
      const paths = Object.entries(files).map(([name, text]) => {
        writeFileSync(join(target, '.github/workflows', name), text);
        return `.github/workflows/${name}`;
      });
      const { status, stdout, stderr } = await runProgram(engine('actionlint'), ['-config-file', config, ...paths], {
        cwd: target,
      });
      return status === 0 ? '' : `${stdout}${stderr}` || `it ended with ${status}`;
    };
    return { context: { folder, lint }, stop: async () => rmSync(folder, { recursive: true, force: true }) };
  },
  tests: [
    {
      name: 'actionlint finds nothing in what is rendered by $/',
      run: async ({ lint }) => expectClean(await lint(await rendered('$/'))),
    },
    {
      name: 'actionlint finds nothing in what is rendered by commit, for others',
      run: async ({ lint }) => expectClean(await lint(await rendered('e'.repeat(40)))),
    },
    {
      name: 'control: actionlint finds an output that no step has',
      async run({ lint }) {
        const files = await rendered('$/');
        const text = (files['release-artifact.yml'] ?? '').replace(
          'steps.gate.outputs.verdict }}',
          'stps.gate.outputs.verdict }}',
        );
        expectThat('it is found', (await lint({ 'release-artifact.yml': text })).includes('undefined variable "stps"'));
      },
    },
  ],
});

async function rendered(selfReference: string): Promise<Record<string, string>> {
  const config = await readConfig('paved.config.yml');
  const workflows = await renderWorkflows('workflows', { ...config, 'self-reference': selfReference });
  return Object.fromEntries(workflows.map(({ name, text }) => [name, text]));
}

function expectClean(output: string): void {
  expectThat('there is no finding', output === '', output.slice(0, 2000));
}
