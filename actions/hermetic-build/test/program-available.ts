import { spawnSync } from 'node:child_process';

/** Whether a program of the PATH answers; tests that need one say that they skipped it. */
export function programAvailable(name: string, args: readonly string[] = ['version']): boolean {
  return spawnSync(name, args, { stdio: 'ignore' }).status === 0;
}
