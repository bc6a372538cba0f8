import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `paved ...args` as a user would, and waits for it. The services live in this process, so it must not block. */
export async function paved(args: readonly string[]): Promise<CliResult> {
  const child = spawn(process.execPath, ['bin/paved.mjs', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const status = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, stdout, stderr };
}
