import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BenchCase } from './bench.js';

type Ncc = (entry: string, options: { minify: boolean; quiet: boolean }) => Promise<{ code: string }>;
const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc;

/** Signing loads heavier libraries; everything else must start like a bundle of @actions/core alone. */
const GOAL = 1.5;
const SIGNS = new Set(['sign']);
const SIGNING_GOAL = 3;

/** Cold start of each bundle: no input is given, so it ends with its first error. */
export async function cases(): Promise<readonly BenchCase[]> {
  const peer = await coreAlone();
  const folders = readdirSync('dist', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => ({
    name: `cold start of ${name}`,
    metric: 'wall',
    unit: 'ms',
    ours: () => start(join('dist', name, 'index.js')),
    peer: { name: '@actions/core alone', sample: () => start(peer) },
    goal: SIGNS.has(name) ? SIGNING_GOAL : GOAL,
  }));
}

async function start(script: string): Promise<number> {
  const temp = mkdtempSync(join(tmpdir(), 'bench-'));
  const startedAt = performance.now();
  spawnSync(process.execPath, [script], { env: { RUNNER_TEMP: temp, GITHUB_WORKSPACE: temp } });
  return performance.now() - startedAt;
}

async function coreAlone(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-core-'));
  const entry = resolve('build/bench-core.mjs');
  writeFileSync(entry, "import { setFailed } from '@actions/core';\nsetFailed('nothing to do');\n");
  const { code } = await ncc(entry, { minify: true, quiet: true });
  const script = join(folder, 'index.mjs');
  writeFileSync(script, code);
  if (readFileSync(script).length === 0) throw new Error('Cannot bundle @actions/core');
  return script;
}
