import { useOneTemp } from '../temp/one-temp.js';
import { type BenchCase, measure, tableRow } from './bench.js';

const SUITES: Readonly<Record<string, () => Promise<{ cases(): Promise<readonly BenchCase[]> }>>> = {
  push: () => import('./push.js'),
  gate: () => import('./gate.js'),
  road: () => import('./road.js'),
  sbom: () => import('./sbom.js'),
  sign: () => import('./sign.js'),
  startup: () => import('./startup.js'),
  verify: () => import('./verify.js'),
};
const RUNS = 5;

const [name] = process.argv.slice(2);
const load = name === undefined ? undefined : SUITES[name];
if (load === undefined) {
  process.stderr.write(`Cannot measure "${name ?? ''}": the benchmarks are ${Object.keys(SUITES).join(', ')}\n`);
  process.exit(1);
}
useOneTemp();
for (const bench of await (await load()).cases()) {
  const result = await measure(bench, RUNS);
  process.stderr.write(`${tableRow(result)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
// Loopback services of a suite must not keep the process alive.
process.exit();
