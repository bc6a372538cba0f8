import type { Log } from '@paved/runner-kit';
import { chooseMethod, type SandboxMethod } from '@paved/sandbox';

/** A sandbox that was just made once for trial, or `none` with a warning that nobody can overlook. */
export async function isolationMethod(
  isolation: 'sandbox' | 'none',
  workDir: string,
  log: Log,
  candidates: readonly SandboxMethod[],
): Promise<SandboxMethod | 'none'> {
  if (isolation === 'sandbox') return await chooseMethod(workDir, candidates);
  log.warning('NOT HERMETIC: isolation is none, so the build command can reach the network, the runner and its files');
  return 'none';
}
