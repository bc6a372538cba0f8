import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseEnvironment, exec } from '@paved/runner-kit/exec';
import { HermeticBuildError } from '../error.js';

/**
 * The registry that npm itself would use for this user. npm runs in an empty folder with a package.json of its own, so that it
 * finds no .npmrc of the repository: that file could name any host, and any script as its shell.
 * @throws {HermeticBuildError} `REGISTRY_UNKNOWN`
 */
export async function askNpmForRegistry(workDir: string): Promise<URL> {
  const cwd = await mkdtemp(join(workDir, 'npm-'));
  await writeFile(join(cwd, 'package.json'), '{}');
  const args = ['config', 'get', 'registry', '--workspaces=false'];
  const answer = await exec({ command: 'npm', args, cwd, env: baseEnvironment() }).catch((cause: unknown) => {
    throw unknown('npm could not be started', cause);
  });
  const text = answer.stdout.trim();
  if (answer.exitStatus !== 0 || !URL.canParse(text)) throw unknown('npm gave no address');
  const url = new URL(text);
  if (url.protocol !== 'https:') throw unknown('the one that npm names is not https');
  return url;
}

function unknown(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('REGISTRY_UNKNOWN', `Cannot choose a package registry: ${state}`, {
    cause,
    hint: 'Set registry-url, or write "resolved" into the lock file (npm install --omit-lockfile-registry-resolved=false)',
  });
}
