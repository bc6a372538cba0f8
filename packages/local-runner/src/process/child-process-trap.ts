import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, object, parseJson, string } from '@paved/json';
import type { ChildProcessUse } from '../result.js';

/**
 * Loaded before an action's first instruction. Every asynchronous API ends in `ChildProcess.prototype.spawn`; the synchronous ones
 * do not, and are replaced one by one. Native add-ons could start processes unseen, so loading one counts as a use.
 */
const source = (recordPath: string): string => `
import { appendFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
const childProcess = createRequire(import.meta.url)('node:child_process');
const record = (api, command) =>
  appendFileSync(${JSON.stringify(recordPath)}, JSON.stringify({ api, command: String(command) }) + '\\n');
const spawn = childProcess.ChildProcess.prototype.spawn;
childProcess.ChildProcess.prototype.spawn = function (options) {
  record('spawn', options?.file);
  return spawn.call(this, options);
};
for (const api of ['spawnSync', 'execSync', 'execFileSync']) {
  const original = childProcess[api];
  childProcess[api] = (command, ...rest) => {
    record(api, command);
    return original(command, ...rest);
  };
}
syncBuiltinESMExports();
const dlopen = process.dlopen;
process.dlopen = (module, file, ...rest) => {
  record('dlopen', file);
  return dlopen.call(process, module, file, ...rest);
};
`;

const decodeUses = array(object({ api: string, command: string }));

/** Records the child processes of one action's process. */
export class ChildProcessTrap {
  /** For node's `--import`. */
  readonly preloadPath: string;
  readonly #recordPath: string;

  private constructor(folder: string, id: string) {
    this.preloadPath = join(folder, `trap_${id}.mjs`);
    this.#recordPath = join(folder, `trap_${id}.jsonl`);
  }

  /** `folder` lies outside everything that the job is told about. */
  static async create(folder: string, id: string): Promise<ChildProcessTrap> {
    const trap = new ChildProcessTrap(folder, id);
    await Promise.all([writeFile(trap.preloadPath, source(trap.#recordPath)), writeFile(trap.#recordPath, '')]);
    return trap;
  }

  async uses(): Promise<readonly ChildProcessUse[]> {
    const lines = (await readFile(this.#recordPath, 'utf8')).split('\n').filter((line) => line !== '');
    return parseJson('the record of child processes', `[${lines.join(',')}]`, decodeUses);
  }
}
