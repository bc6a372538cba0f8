import { listsAllModules, type Replacement, replaced } from './go-mod.js';
import { type GoSum, unlocked } from './go-sum.js';
import { assertModule, type ModuleVersion, moduleLabel } from './module-version.js';

export interface WantedFile {
  readonly module: ModuleVersion;
  readonly extension: 'mod' | 'zip';
  /** `h1:` hashes, any of which is accepted. */
  readonly hashes: readonly string[];
}

export interface LockedModules {
  readonly zips: readonly WantedFile[];
  readonly mods: readonly WantedFile[];
  /** Paths that go.mod requires without "// indirect". */
  readonly direct: ReadonlySet<string>;
}

export interface Requirement extends ModuleVersion {
  readonly direct: boolean;
}

/**
 * What the go command can ask for: every go.mod that go.sum knows, and the zip of each required module that go.sum knows. A module
 * of go.mod whose zip go.sum leaves out brings no package to the build; without a hash of its go.mod either, it is refused.
 * @throws {HermeticBuildError} `INTEGRITY_MISSING`, `LOCKFILE_INVALID`
 */
export function lockedModules(
  goMod: string,
  requirements: readonly Requirement[],
  replace: readonly Replacement[],
  sum: GoSum,
): LockedModules {
  const direct = new Set<string>();
  const wanted = new Set<string>();
  for (const requirement of requirements) {
    const target = replaced(requirement, replace);
    if ('folder' in target) continue;
    assertModule(target);
    const label = moduleLabel(target);
    if (!sum.mods.has(label) && !sum.zips.has(label)) throw unlocked(label);
    wanted.add(label);
    if (requirement.direct) direct.add(target.path);
  }
  const all = listsAllModules(goMod);
  const zips = [...sum.zips.values()].filter(({ module }) => !all || wanted.has(moduleLabel(module)));
  for (const { module } of [...zips, ...sum.mods.values()]) assertModule(module);
  for (const { module } of zips)
    if (!sum.mods.has(moduleLabel(module))) throw unlocked(`${moduleLabel(module)}/go.mod`);
  return {
    zips: zips.map((entry) => ({ ...entry, extension: 'zip' })),
    mods: [...sum.mods.values()].map((entry) => ({ ...entry, extension: 'mod' })),
    direct,
  };
}
