import { existsSync } from 'node:fs';
import { runProgram } from './program.js';

/**
 * The path of a program that is no Go module which builds without C libraries, so that it comes as the distribution's package.
 * @throws when it is neither there nor installable; the suite then fails instead of leaving its tests out
 */
export async function installDebian(name: string, path: string): Promise<string> {
  if (existsSync(path)) return path;
  // A new machine has no package lists yet.
  await runProgram('apt-get', ['update'], { timeoutMs: 300_000 });
  const { status, stderr } = await runProgram('apt-get', ['install', '-y', name], { timeoutMs: 300_000 });
  if (status === 0 && existsSync(path)) return path;
  throw new Error(
    `Cannot find ${path}: "apt-get install -y ${name}" ended with ${status}. ` +
      `Install it with the package manager of this machine and run the suite again\n${stderr.slice(-500)}`,
  );
}
