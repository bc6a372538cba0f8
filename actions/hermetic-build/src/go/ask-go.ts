import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { baseEnvironment, exec } from '@paved/runner-kit/exec';
import { HermeticBuildError } from '../error.js';
import { secureAddress } from '../kinds/registries.js';

/** What the user's go command says of itself, asked in an empty folder: no go.mod of the repository can name a toolchain there. */
export async function askGo(workDir: string, name: 'GOPROXY' | 'GOROOT'): Promise<string> {
  const cwd = await mkdtemp(join(workDir, 'go-'));
  const env = { ...baseEnvironment(), GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '' };
  const answer = await exec({ command: 'go', args: ['env', name], cwd, env }).catch((cause: unknown) => {
    throw missing('it could not be started', cause);
  });
  if (answer.exitStatus !== 0) throw missing(`"go env ${name}" failed`);
  return answer.stdout.trim();
}

/**
 * The first proxy of the user's GOPROXY. `direct` is no address: it would run version control programs on addresses of the lock file.
 * @throws {HermeticBuildError} `REGISTRY_UNKNOWN`, `TOOLCHAIN_MISSING`
 */
export async function askGoForProxy(workDir: string): Promise<URL> {
  const list = (await askGo(workDir, 'GOPROXY')).split(/[,|]/).map((item) => item.trim());
  const first = list.find((item) => item !== '' && item !== 'direct' && item !== 'off');
  if (first !== undefined) return secureAddress('go', first);
  throw new HermeticBuildError('REGISTRY_UNKNOWN', 'Cannot choose a module proxy: GOPROXY names none', {
    hint: 'Write "go=https://..." into registries',
  });
}

function missing(state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('TOOLCHAIN_MISSING', `Cannot ask the go command: ${state}`, {
    cause,
    hint: 'Install Go in an earlier step (actions/setup-go), or write "go=https://..." into registries',
  });
}
