import { runProgram } from '../program.js';

/**
 * skopeo is no Go module that builds without C libraries, so that it comes as the distribution's package.
 * @throws when it is neither there nor installable; the suite then fails instead of leaving its tests out
 */
export async function installSkopeo(): Promise<string> {
  if (await starts()) return 'skopeo';
  // A new machine has no package lists yet.
  await runProgram('apt-get', ['update'], { timeoutMs: 300_000 });
  const { status, stderr } = await runProgram('apt-get', ['install', '-y', 'skopeo'], { timeoutMs: 300_000 });
  if (status === 0 && (await starts())) return 'skopeo';
  throw new Error(
    `Cannot start skopeo: it is not installed, and "apt-get install -y skopeo" ended with ${status}. ` +
      `Install it with the package manager of this machine and run the suite again\n${stderr.slice(-500)}`,
  );
}

async function starts(): Promise<boolean> {
  return (await runProgram('skopeo', ['--version'])).status === 0;
}
