import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { parseLockfile } from '@paved/bom/lockfiles';
import { digestHex, sha256 } from '@paved/digest';
import { HermeticBuildError } from '../error.js';
import { mismatch } from '../fetch/download.js';
import { placeFile, readBundleIndex } from '../kinds/bundle-index.js';
import type { Installed, InstallOptions, LockedProject } from '../kinds/locked-project.js';
import { readInside } from '../kinds/read-inside.js';
import { shownToolchain } from '../kinds/shown-toolchain.js';
import { askGo, askGoForProxy } from './ask-go.js';
import { fetchModules, hashWanted, modulePurl } from './fetch-modules.js';
import { replacements } from './go-mod.js';
import { readGoSum } from './go-sum.js';
import { type LockedModules, lockedModules } from './locked-modules.js';
import { moduleLabel, modulePath } from './module-version.js';

/**
 * A Go module: go.mod with go.sum beside it. The command gets a module proxy of files, which holds what go.sum locks and nothing
 * else; the go command checks it against go.sum once more.
 * @throws {HermeticBuildError} `LOCKFILE_MISSING`, `LOCKFILE_INVALID`, `INTEGRITY_MISSING`, `DEPENDENCY_OUTSIDE`
 */
export async function openGoProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const folder = posix.dirname(lockfilePath);
  const [modPath, sumPath] = [posix.join(folder, 'go.mod'), posix.join(folder, 'go.sum')];
  const goMod = await readInside(sourcePath, modPath);
  const goSum = await readInside(sourcePath, sumPath);
  if (goMod === undefined) throw missing(modPath);
  const { root = '', packages } = parseLockfile('go.mod', goMod);
  if (goSum === undefined && (packages.length > 0 || lockfilePath === sumPath)) throw missing(sumPath);
  const requirements = packages.map(({ name, version, direct }) => ({ path: name, version, direct: direct === true }));
  const modules = lockedModules(goMod, requirements, replacements(goMod, folder), readGoSum(goSum ?? ''));
  const texts = [
    { path: modPath, kind: 'go.mod', text: goMod },
    ...(goSum === undefined ? [] : [{ path: sumPath, kind: 'go.sum', text: goSum }]),
  ];
  return {
    lockfiles: texts.map(({ path, kind, text }) => ({ path, kind, sha256: digestHex(sha256(text)) })),
    registryKind: 'go',
    async fetch(options) {
      const proxy = options.registry ?? options.hosts.add(await askGoForProxy(options.workDir));
      const fetched = await fetchModules(modules, proxy, options);
      const version = '0.0.0';
      return { root: { name: root, version, purl: modulePurl(root, version) }, packages: fetched, notices: [] };
    },
    install: (options) => installModules(modules, options),
  };
}

async function installModules(modules: LockedModules, options: InstallOptions): Promise<Installed> {
  const files = await readBundleIndex(options.bundlePath);
  const proxyPath = join(options.depsPath, 'go');
  await mkdir(proxyPath, { recursive: true });
  for (const wanted of [...modules.mods, ...modules.zips]) {
    const path = modulePath(wanted.module, wanted.extension);
    const target = join(proxyPath, path);
    await placeFile(options.bundlePath, files.get(path), path, target, options.sourceDateEpoch);
    const found = await hashWanted(wanted, target);
    const label = moduleLabel(wanted.module);
    if (!wanted.hashes.includes(found))
      throw mismatch(label, { $case: 'file', path }, 'h1', found, wanted.hashes[0] ?? '');
  }
  // The go command wants one per version; what a proxy says in it (time, origin) is locked by nothing, so it is ours.
  for (const { module } of modules.mods) {
    const path = join(proxyPath, modulePath(module, 'info'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify({ Version: module.version })}\n`);
  }
  const toolchain = await shownToolchain({
    root: await askGo(options.workDir, 'GOROOT'),
    marks: ['bin/go', 'src/runtime'],
    target: '/paved/go',
    sandboxed: options.sandboxed,
  });
  return { ...toolchain, count: modules.zips.length, environment: goEnvironment(options), prelude: '' };
}

/** GOENV=off and an empty GOFLAGS of our own: neither a file nor a variable that somebody left can add `-toolexec` or a proxy. */
function goEnvironment({ visibleDepsPath, home }: InstallOptions): Readonly<Record<string, string>> {
  return {
    GOENV: 'off',
    GOFLAGS: '-mod=readonly -buildvcs=false',
    GOMODCACHE: `${home}/go/pkg/mod`,
    GONOSUMDB: '',
    GOPRIVATE: '',
    GOPROXY: `file://${visibleDepsPath}/go`,
    // go.sum is complete, or the build fails; the checksum database is on the network.
    GOSUMDB: 'off',
    GOTOOLCHAIN: 'local',
    GOVCS: '*:off',
    GOWORK: 'off',
  };
}

function missing(path: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${path}": there is no such file`, {
    hint: 'Run "go mod tidy" and commit go.mod and go.sum; a module without dependencies is named by its go.mod',
  });
}
