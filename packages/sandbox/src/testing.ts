import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseMethod } from './choose-method.js';
import { SANDBOX_METHODS, type SandboxMethod } from './sandbox.js';

export interface MethodState {
  readonly method: SandboxMethod;
  readonly available: boolean;
  /** For the name of a skipped test. */
  readonly reason: string;
}

/** Tries each method on its own, so that a test can say why it was skipped. */
export async function availableMethods(): Promise<readonly MethodState[]> {
  const workDir = await mkdtemp(join(tmpdir(), 'paved-methods-'));
  try {
    const states: MethodState[] = [];
    for (const method of SANDBOX_METHODS) {
      const problem = await chooseMethod(workDir, [method]).then(
        () => undefined,
        (error: Error) => error.message,
      );
      states.push({ method, available: problem === undefined, reason: problem === undefined ? '' : ` (${problem})` });
    }
    return states;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}
