import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installEngine } from '../engines/install.js';
import type { BenchCase } from './bench.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/**
 * syft's scan of this repository with everything that is installed in it, alone, and with what we make of it: both formats, enriched,
 * held to their schemas and scored.
 */
export async function cases(): Promise<readonly BenchCase[]> {
  const syft = await installEngine('syft', (line) => void process.stderr.write(`${line}\n`));
  const folder = mkdtempSync(join(tmpdir(), 'bench-sbom-'));
  const scan = join(folder, 'syft.json');
  const alone = () =>
    timed(syft, ['scan', `dir:${resolve('.')}`, '-q', '-o', `syft-json=${scan}`], {
      SYFT_CHECK_FOR_APP_UPDATE: 'false',
    });
  return [
    {
      name: 'wall time of scan and both documents',
      metric: 'wall',
      unit: 'ms',
      ours: async () => (await alone()) + (await ours(folder, scan)),
      peer: { name: 'syft', sample: alone },
      goal: 1.1,
    },
  ];
}

async function ours(folder: string, scan: string): Promise<number> {
  const temp = mkdtempSync(join(folder, 'temp-'));
  const output = join(temp, 'output');
  writeFileSync(output, '');
  const inputs = { documents: scan, 'subject-digest': DIGEST, name: 'bench', created: '2025-09-01T00:00:00Z' };
  const env = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));
  const spent = await timed(process.execPath, [resolve('dist/sbom/index.js')], {
    ...env,
    INPUT_SUPPLIER: 'bench',
    'INPUT_COMPONENT-TYPE': 'application',
    'INPUT_CYCLONEDX-VERSION': '1.6',
    'INPUT_SCORE-PROFILE': 'cisa-2025',
    'INPUT_MINIMUM-GRADE': 'F',
    GITHUB_WORKSPACE: folder,
    GITHUB_OUTPUT: output,
    RUNNER_TEMP: temp,
  });
  // A run that wrote nothing would be the fastest of all.
  if (!readFileSync(output, 'utf8').includes('spdx-path')) throw new Error('Cannot measure: sbom wrote no document');
  return spent;
}

async function timed(
  program: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<number> {
  const started = performance.now();
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...more },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const status = await new Promise<number | null>((done) => child.on('close', done));
  if (status !== 0) throw new Error(`Cannot measure ${program}: it ended with ${status}`);
  return performance.now() - started;
}
