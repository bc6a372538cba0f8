import type { IsolationCheck } from '@paved/attestation';
import { SandboxError } from './error.js';
import type { ProbeResult, Target } from './target.js';

/** @throws {SandboxError} `CANARY_INVALID` when something that is there was not reached from outside of the sandbox */
export function assertControls(targets: readonly Target[], results: readonly ProbeResult[]): void {
  for (const target of targets.filter(({ control }) => control)) {
    const result = results.find(({ name }) => name === target.name);
    if (result?.reached !== true) {
      throw invalid(`the control did not reach ${target.label} (${result?.detail ?? 'no result'})`);
    }
  }
}

/** @throws {SandboxError} `CANARY_REACHED` naming every attack that worked inside the sandbox */
export function assertBlocked(checks: readonly IsolationCheck[]): void {
  const reached = checks.filter(({ outcome }) => outcome === 'reachable');
  if (reached.length === 0) return;
  const list = reached.map(({ name, target, detail }) => `${name} (${target}: ${detail})`).join(', ');
  throw new SandboxError('CANARY_REACHED', `Cannot call the sandbox hermetic: it reached ${list}`, {
    hint: 'Report the kernel and the runner image; do not build there until each of these is blocked',
  });
}

export function invalid(state: string): SandboxError {
  return new SandboxError('CANARY_INVALID', `Cannot trust the canary: ${state}`, {
    hint: 'Run the job again; if it stays, the machine keeps the canary from its own listeners',
  });
}
