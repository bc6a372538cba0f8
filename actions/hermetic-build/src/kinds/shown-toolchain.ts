import { lstat, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isInside, type ReadOnlyBind } from '@paved/sandbox';
import { HermeticBuildError } from '../error.js';

export interface ToolchainFolder {
  /** As the toolchain itself states it. */
  readonly root: string;
  /** Paths below it that must exist: only a folder that is that toolchain is ever shown. */
  readonly marks: readonly string[];
  /** Where the command sees it when its own place is hidden. Default: there, for what has its path compiled in. */
  readonly target?: string;
  readonly sandboxed: boolean;
}

const VISIBLE = ['/usr', '/opt'];

/**
 * Shows a toolchain that lies in a hidden place (below home, as version managers put it): that folder alone, read-only, where
 * possible at a fixed path, so that the path of the machine is in no artifact. One in a place that is shown anyway needs nothing.
 * @throws {HermeticBuildError} `TOOLCHAIN_MISSING` when the folder is not what it says, or holds the home folder
 */
export async function shownToolchain(
  folder: ToolchainFolder,
): Promise<{ readonly binds: readonly ReadOnlyBind[]; readonly path: readonly string[] }> {
  const root = await realpath(folder.root).catch(() => folder.root);
  for (const mark of folder.marks) {
    const found = await stat(join(root, mark)).catch(() => undefined);
    if (found === undefined) throw missing(folder.root, `it has no ${mark}`);
  }
  if (isInside(homedir(), root) || !(await lstat(root)).isDirectory())
    throw missing(folder.root, 'it holds more than the toolchain');
  const shown = !folder.sandboxed || VISIBLE.some((place) => isInside(root, place));
  if (shown) return { binds: [], path: [join(root, 'bin')] };
  const target = folder.target ?? root;
  return { binds: [{ source: root, target }], path: [`${target}/bin`] };
}

function missing(root: string, state: string): HermeticBuildError {
  return new HermeticBuildError('TOOLCHAIN_MISSING', `Cannot show the toolchain "${root}": ${state}`, {
    hint: 'Install the toolchain in an earlier step, in a folder of its own',
  });
}
