import { spawn } from 'node:child_process';
import { lstat, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { IsolationCheck, IsolationReport } from '@paved/attestation';
import { readJsonFile } from '@paved/json';
import { assertBlocked, assertControls, invalid } from './canary-verdict.js';
import { openDecoys } from './decoys.js';
import { PROBE_SCRIPT } from './probe-script.js';
import { runInSandbox, type SandboxMethod } from './sandbox.js';
import { machineTargets, OUTSIDE_TARGETS, type ProbeResult, probeResults, type Target } from './target.js';

export interface CanaryOptions {
  readonly method: SandboxMethod | 'none';
  readonly workDir: string;
  readonly home: string;
  /** What a command gets in this sandbox; the canary counts every other variable as a leak. */
  readonly environment: Readonly<Record<string, string>>;
  /** Another kind of sandbox, made with the same method. Default: {@link runInSandbox}. */
  readonly elsewhere?: OtherSandbox;
}

export interface OtherSandbox {
  /** Runs "node canary.cjs targets.json result.json" over a copy of the folder, and brings result.json back into it. */
  readonly run: (probe: string) => Promise<void>;
  /** Names of checks that say nothing there, such as who the user is; no check of the network may be among them. */
  readonly without: readonly string[];
}

const TIMEOUT_MS = 60_000;
const MAX_RESULT_BYTES = 64 * 1024;
const NODE_INSIDE = '/paved/node';
/** What a shell adds on its own. */
const SHELL_VARIABLES = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/**
 * Attacks the sandbox before any user code runs and reports what each attack met. Each decoy on this machine is first reached
 * from outside, so that "blocked" means the sandbox and not a dead listener. With method `none` it reports what stands open.
 * @throws {SandboxError} `CANARY_INVALID` when a control fails, `CANARY_REACHED` when an attack works in the sandbox
 */
export async function runCanary(options: CanaryOptions): Promise<IsolationReport> {
  const folder = await mkdtemp(join(options.workDir, 'canary-'));
  const decoys = await openDecoys({ workDir: folder, home: options.home });
  try {
    const { environment } = options;
    const machine = machineTargets(process.getuid?.() ?? 0, [...Object.keys(environment), ...SHELL_VARIABLES]);
    if (options.method === 'none') {
      const targets = [...decoys.targets, ...machine.filter(({ kind }) => kind !== 'writable')];
      return reportOf('none', checksOf(targets, await probeOutside(folder, targets)));
    }
    assertControls(decoys.targets, await probeOutside(folder, decoys.targets));
    const { elsewhere, method } = options;
    const own = machine.filter(({ name }) => elsewhere?.without.includes(name) !== true);
    const targets = [...decoys.targets, ...own, ...OUTSIDE_TARGETS];
    const probe = await writeProbe(folder, targets);
    await (elsewhere === undefined ? probeInside(method, folder, probe, environment) : elsewhere.run(probe));
    const checks = checksOf(targets, await readResults(probe));
    assertBlocked(checks);
    return reportOf(options.method, checks);
  } finally {
    await decoys.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function reportOf(method: IsolationReport['method'], checks: readonly IsolationCheck[]): IsolationReport {
  return {
    mediaType: 'application/vnd.paved.isolation.v1+json',
    method,
    hermetic: method !== 'none',
    checks,
    kernel: release(),
    at: new Date().toISOString(),
  };
}

async function writeProbe(folder: string, targets: readonly Target[]): Promise<string> {
  const probe = await mkdtemp(join(folder, 'probe-'));
  await writeFile(join(probe, 'canary.cjs'), PROBE_SCRIPT);
  await writeFile(join(probe, 'targets.json'), JSON.stringify(targets));
  return probe;
}

async function probeOutside(folder: string, targets: readonly Target[]): Promise<readonly ProbeResult[]> {
  const probe = await writeProbe(folder, targets);
  const args = ['canary.cjs', 'targets.json', 'result.json'].map((name) => join(probe, name));
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: probe, env: {}, stdio: 'ignore', timeout: TIMEOUT_MS });
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  return await readResults(probe);
}

async function probeInside(
  method: SandboxMethod,
  folder: string,
  probe: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  await runInSandbox(method, {
    command: `exec ${NODE_INSIDE} canary.cjs targets.json result.json\n`,
    buildDir: probe,
    workDir: folder,
    environment,
    binds: [{ source: process.execPath, target: NODE_INSIDE }],
    timeoutMs: TIMEOUT_MS,
    onOutput: () => {},
  });
}

async function readResults(probe: string): Promise<readonly ProbeResult[]> {
  const path = join(probe, 'result.json');
  const info = await lstat(path).catch(() => undefined);
  if (info?.isFile() !== true) throw invalid('it left no result');
  return await readJsonFile(path, probeResults, MAX_RESULT_BYTES);
}

function checksOf(targets: readonly Target[], results: readonly ProbeResult[]): readonly IsolationCheck[] {
  const byName = new Map(results.map((result) => [result.name, result]));
  return targets.map(({ name, label, control }) => {
    const result = byName.get(name);
    if (result === undefined) throw invalid(`it has no result for "${name}"`);
    const detail = control ? `${result.detail}; the control outside of the sandbox reached it` : result.detail;
    return { name, target: label, outcome: result.reached ? 'reachable' : 'blocked', detail };
  });
}
