import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { engineCache } from '../install.js';
import { runOrThrow, runProgram } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';

const VERSION = '1.32.0';

interface ZizmorContext {
  readonly zizmor: string;
}

/** A wheel from the Python package index, in an environment of its own, once per machine. */
async function installZizmor(): Promise<string> {
  const folder = join(engineCache(), `zizmor@${VERSION}`);
  const path = join(folder, 'venv/bin/zizmor');
  if (existsSync(path)) return path;
  await rm(folder, { recursive: true, force: true });
  await runOrThrow('python3', ['-m', 'venv', join(folder, 'venv')], { timeoutMs: 300_000 });
  const pip = join(folder, 'venv/bin/pip');
  await runOrThrow(pip, ['install', '--quiet', `zizmor==${VERSION}`], { timeoutMs: 600_000 });
  return path;
}

const clean: EngineTest<ZizmorContext> = {
  name: 'zizmor (auditor) finds nothing in the workflows and actions',
  async run({ zizmor }) {
    const args = ['--offline', '--persona', 'auditor', '--color', 'never', '.github', 'actions'];
    const { status, stdout, stderr } = await runProgram(zizmor, args);
    expectThat('zizmor is clean', status === 0, stdout + stderr);
  },
};

const red: EngineTest<ZizmorContext> = {
  name: 'zizmor finds what is planted',
  async run({ zizmor }) {
    const folder = await mkdtemp(join(dirname(engineCache()), 'zizmor-'));
    try {
      const path = join(folder, 'bad.yml');
      const text =
        'on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo ${{ github.head_ref }}\n';
      await writeFile(`${path}.part`, text);
      await rename(`${path}.part`, path);
      const { status, stdout } = await runProgram(zizmor, ['--offline', '--color', 'never', path]);
      expectThat('zizmor refuses it', status !== 0 && stdout.includes('template-injection'), stdout);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

export const zizmorSuite = defineSuite<ZizmorContext>({
  engines: [],
  start: async () => ({ context: { zizmor: await installZizmor() }, stop: async () => {} }),
  tests: [clean, red],
});
