import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from './error.js';
import { runInSandbox, SANDBOX_METHODS, type SandboxMethod } from './sandbox.js';

const PROBE_TIMEOUT_MS = 20_000;
const MAX_REASON_LENGTH = 300;
const APPARMOR_SWITCH = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';

/**
 * The first of `candidates` that really makes a sandbox on this machine, found by making one.
 * @throws {SandboxError} `SANDBOX_UNAVAILABLE` with what failed for each method, and the cure
 */
export async function chooseMethod(
  workDir: string,
  candidates: readonly SandboxMethod[] = SANDBOX_METHODS,
): Promise<SandboxMethod> {
  const reasons: string[] = [];
  for (const method of candidates) {
    const reason =
      method === 'root' && process.getuid?.() !== 0 ? 'this process is not root' : await probe(method, workDir);
    if (reason === undefined) return method;
    reasons.push(`${method}: ${reason}`);
  }
  throw new SandboxError('SANDBOX_UNAVAILABLE', `Cannot make a sandbox: ${reasons.join('; ')}`, {
    hint: await cure(),
  });
}

async function probe(method: SandboxMethod, workDir: string): Promise<string | undefined> {
  const buildDir = await mkdtemp(join(workDir, 'probe-'));
  const output: Buffer[] = [];
  try {
    const { exitStatus, timedOut } = await runInSandbox(method, {
      command: 'exit 0\n',
      buildDir,
      workDir,
      environment: {},
      timeoutMs: PROBE_TIMEOUT_MS,
      onOutput: (chunk) => output.push(chunk),
    });
    if (exitStatus === 0) return undefined;
    return timedOut ? 'it did not answer in time' : `the probe ended with ${exitStatus}${quoted(output)}`;
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    const missing = error.cause instanceof Error ? `, ${error.cause.message}` : '';
    return `${error.message.replace(/^Cannot [^:]*: /, '')}${missing}${quoted(output)}`;
  } finally {
    await rm(buildDir, { recursive: true, force: true });
  }
}

function quoted(output: readonly Buffer[]): string {
  const text = Buffer.concat(output)
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim();
  return text === '' ? '' : ` ("${text.slice(0, MAX_REASON_LENGTH)}")`;
}

async function cure(): Promise<string> {
  const restricted = await readFile(APPARMOR_SWITCH, 'utf8').catch(() => '0');
  const general = 'Run the job where sudo needs no password (hosted runners), or as root with CAP_SYS_ADMIN';
  if (restricted.trim() !== '1') return `${general}, or allow unprivileged user namespaces`;
  return `${general}, or load an AppArmor profile that grants userns to unshare, or set the sysctl kernel.apparmor_restrict_unprivileged_userns=0`;
}
