import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxJob, SandboxResult } from '@paved/sandbox';

/**
 * For demonstrations alone: the same command and environment on the bare machine. Nothing is isolated, network and files of the
 * runner are open; only the environment is scrubbed, and what is left of the process group is killed.
 */
export async function runUnsandboxed(job: SandboxJob): Promise<SandboxResult> {
  const folder = await mkdtemp(join(job.workDir, 'bare-'));
  try {
    const file = join(folder, 'command');
    await writeFile(file, job.command);
    const child = spawn('/bin/sh', ['-e', file], {
      cwd: job.buildDir,
      env: { ...job.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.stdout.on('data', job.onOutput);
    child.stderr.on('data', job.onOutput);
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group is empty already.
      }
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, job.timeoutMs);
    const exitStatus = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        killGroup();
        child.once('close', () => resolve(code ?? 137));
      });
    });
    clearTimeout(timer);
    return { exitStatus, timedOut, stopped: false };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
