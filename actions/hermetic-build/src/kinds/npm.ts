import { digestHex, sha256 } from '@paved/digest';
import { installPackages } from '../build/install.js';
import { HermeticBuildError } from '../error.js';
import { fetchBundle } from '../fetch/bundle.js';
import { askNpmForRegistry } from '../fetch/default-registry.js';
import { innerNotices, npmPackages, npmRoot, originNotices } from '../fetch/manifest.js';
import { assertNamed } from '../fetch/package-origin.js';
import { lockedDigest, type NodeLockKind } from '../lockfile/integrity.js';
import { assertNotGit } from '../lockfile/lockfile.js';
import { currentPlatform } from '../lockfile/platform.js';
import { installedTree } from '../lockfile/tree.js';
import { readBerryLock, YARN_INTEGRITY } from '../node/berry.js';
import type { PackageGraph } from '../node/package-graph.js';
import { placePackages } from '../node/place-packages.js';
import { readPnpmLock } from '../node/pnpm.js';
import { readYarnLock } from '../node/yarn.js';
import { installYarnCache } from '../node/yarn-cache.js';
import { type Project, readProject } from '../project.js';
import type { LockedProject } from './locked-project.js';
import { readInside } from './read-inside.js';

/** A project of npm: package.json with package-lock.json; node_modules is laid out by our own code. */
export async function openNpmProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const project = await readProject(sourcePath, lockfilePath);
  const lockfiles = [{ path: lockfilePath, kind: 'npm', sha256: digestHex(project.lockfileDigest) }];
  return nodeProject(sourcePath, 'npm', project, lockfiles);
}

/**
 * A project of pnpm or yarn: the same archives from the same registry, laid out as npm does. Neither program is run, so
 * .pnpmfile.cjs, .yarnrc and its plugins have no say.
 */
export async function openGraphProject(
  sourcePath: string,
  lockfilePath: string,
  kind: 'pnpm' | 'yarn',
): Promise<LockedProject> {
  const text = await readInside(sourcePath, lockfilePath);
  const manifest = await readInside(sourcePath, 'package.json');
  if (text === undefined || (manifest === undefined && kind !== 'pnpm') || lockfilePath.includes('/')) {
    throw new HermeticBuildError(
      'LOCKFILE_MISSING',
      `Cannot read "${lockfilePath}": it and package.json are not both in source-path`,
      {
        hint: 'Set source-path to the folder of the lock file',
      },
    );
  }
  const berry = kind === 'yarn' && /^__metadata:/m.test(text);
  const integrity = berry ? await readInside(sourcePath, YARN_INTEGRITY) : undefined;
  const lockKind = berry ? 'berry' : kind;
  const lockfile = placePackages(await readGraph(lockKind, text, sourcePath, integrity));
  const nodes = installedTree(lockfile, currentPlatform());
  const lockfiles = [{ path: lockfilePath, kind: kind as string, sha256: digestHex(sha256(text)) }];
  if (integrity !== undefined) {
    lockfiles.push({ path: YARN_INTEGRITY, kind: 'yarn-integrity', sha256: digestHex(sha256(integrity)) });
  }
  return nodeProject(sourcePath, lockKind, { lockfile, nodes }, lockfiles);
}

function readGraph(
  kind: Exclude<NodeLockKind, 'npm'>,
  text: string,
  sourcePath: string,
  integrity: string | undefined,
): Promise<PackageGraph> {
  switch (kind) {
    case 'pnpm':
      return readPnpmLock(text, sourcePath);
    case 'yarn':
      return readYarnLock(text, sourcePath);
    case 'berry':
      return readBerryLock(text, sourcePath, integrity);
  }
}

function nodeProject(
  sourcePath: string,
  lockKind: NodeLockKind,
  project: Pick<Project, 'lockfile' | 'nodes'>,
  lockfiles: LockedProject['lockfiles'],
): LockedProject {
  const { lockfile, nodes } = project;
  return {
    lockfiles,
    registryKind: 'npm',
    refusals: () =>
      [...nodes.values()].flatMap(({ package: locked }) => {
        if (locked.entry.inBundle === true) return [];
        try {
          assertNotGit(locked.key, locked.entry.resolved);
          assertNamed(locked);
          lockedDigest(locked, lockKind);
          return [];
        } catch (error) {
          return error instanceof Error ? [error] : [];
        }
      }),
    async fetch({ workDir, repository, ...given }) {
      const defaultRegistry = () => askNpmForRegistry(workDir);
      const { registry } = given;
      const options = { ...given, projectPath: sourcePath, lockKind, defaultRegistry };
      const archives = await fetchBundle(nodes, options);
      const packages = npmPackages(nodes, archives, registry);
      const notices = [
        ...originNotices(nodes, registry),
        ...innerNotices(nodes, archives),
        ...installScriptNotices(project),
      ];
      return { root: npmRoot(lockfile, repository), packages, notices };
    },
    async install(options) {
      const { bundlePath, buildPath, sourceDateEpoch } = options;
      const binsFromArchives = lockKind !== 'npm';
      await installPackages({ lockfile, nodes, bundlePath, buildPath, sourceDateEpoch, lockKind, binsFromArchives });
      const count = nodes.size;
      if (lockKind === 'berry') return { count, binds: [], path: [], ...(await installYarnCache(nodes, options)) };
      return { count, environment: {}, binds: [], path: [], prelude: '' };
    },
  };
}

function installScriptNotices({ nodes }: Pick<Project, 'nodes'>): readonly string[] {
  const withScripts = [...nodes.values()].filter(({ package: { entry } }) => entry.hasInstallScript === true);
  if (withScripts.length === 0) return [];
  const names = [...new Set(withScripts.map(({ package: { name, version } }) => `${name}@${version}`))].join(', ');
  const cure = 'If the build needs one, start the command with "npm rebuild <name>"; it runs without network';
  return [`Install scripts are not run: ${names}. ${cure}`];
}
