import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ENGINES, type Engine, type EngineName } from './catalog.js';
import { runOrThrow, runProgram } from './program.js';

/** Outside the repository, so that a clean checkout does not build again. */
export function engineCache(): string {
  const own = process.env.PAVED_ENGINES;
  if (own !== undefined && own !== '') return own;
  const cache = process.env.XDG_CACHE_HOME;
  return join(cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'), 'paved', 'engines');
}

export function enginePath(name: EngineName): string {
  return join(engineCache(), `${name}@${ENGINES[name].version}`, name);
}

/**
 * Returns the path of the engine's binary and builds it first where the cache lacks it; minutes, once per machine.
 * The folder appears whole or not at all.
 */
export async function installEngine(name: EngineName, say: (line: string) => void): Promise<string> {
  const path = enginePath(name);
  if (existsSync(path)) return path;
  await assertGo(name);
  const engine: Engine = ENGINES[name];
  say(`building ${name} ${engine.version} (once)`);
  const folder = dirname(path);
  await mkdir(dirname(folder), { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'paved-engine-'));
  const staging = await mkdtemp(`${folder}.`);
  try {
    await build(engine, scratch, join(staging, name));
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Another process was faster: its result is as good as ours.
    if (!existsSync(path)) throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}

/** A scratch module: `go install` refuses modules with replace directives and wants version lists that are not always served. */
async function build(engine: Engine, scratch: string, output: string): Promise<void> {
  const goMod = `module scratch\n\ngo ${engine.go}\n\nrequire ${engine.module} ${engine.version}\n`;
  await writeFile(join(scratch, 'go.mod'), goMod);
  await runOrThrow('go', ['build', '-mod=mod', '-trimpath', '-o', output, `${engine.module}${engine.command}`], {
    cwd: scratch,
    env: {
      CGO_ENABLED: '0',
      GOTOOLCHAIN: 'auto',
      GOFLAGS: '-mod=mod',
      ...(engine.experiment === undefined ? {} : { GOEXPERIMENT: engine.experiment }),
    },
    timeoutMs: 30 * 60_000,
  });
}

async function assertGo(name: EngineName): Promise<void> {
  const { status } = await runProgram('go', ['version']);
  if (status === 0) return;
  throw new Error(
    `Cannot build engine "${name}": Go is not installed. Install Go 1.24 or later, or set PAVED_ENGINES to a folder that holds ${name}@${ENGINES[name].version}/${name}`,
  );
}
