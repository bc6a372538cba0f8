import { digestHex, sha256 } from '@paved/digest';
import { installPackages } from '../build/install.js';
import { HermeticBuildError } from '../error.js';
import { fetchBundle } from '../fetch/bundle.js';
import { askNpmForRegistry } from '../fetch/default-registry.js';
import { npmPackages, npmRoot } from '../fetch/manifest.js';
import { sha512Of } from '../lockfile/integrity.js';
import { assertNotGit } from '../lockfile/lockfile.js';
import { currentPlatform } from '../lockfile/platform.js';
import { installedTree } from '../lockfile/tree.js';
import { placePackages } from '../node/place-packages.js';
import { readPnpmLock } from '../node/pnpm.js';
import { readYarnLock } from '../node/yarn.js';
import { type Project, readProject } from '../project.js';
import type { LockedProject } from './locked-project.js';
import { readInside } from './read-inside.js';

/** A project of npm: package.json with package-lock.json; node_modules is laid out by our own code. */
export async function openNpmProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const project = await readProject(sourcePath, lockfilePath);
  return nodeProject(sourcePath, { path: lockfilePath, kind: 'npm' }, project, false);
}

/**
 * A project of pnpm or yarn 1: the same archives from the same registry, laid out as npm does. Neither program is run, so
 * .pnpmfile.cjs, .yarnrc and its plugins have no say.
 */
export async function openGraphProject(
  sourcePath: string,
  lockfilePath: string,
  kind: 'pnpm' | 'yarn',
): Promise<LockedProject> {
  const text = await readInside(sourcePath, lockfilePath);
  const manifest = await readInside(sourcePath, 'package.json');
  if (text === undefined || manifest === undefined || lockfilePath.includes('/')) {
    throw new HermeticBuildError(
      'LOCKFILE_MISSING',
      `Cannot read "${lockfilePath}": it and package.json are not both in source-path`,
      {
        hint: 'Set source-path to the folder of the lock file',
      },
    );
  }
  const graph = kind === 'pnpm' ? readPnpmLock(text, manifest) : readYarnLock(text, manifest);
  const lockfile = placePackages(graph);
  const nodes = installedTree(lockfile, currentPlatform());
  return nodeProject(sourcePath, { path: lockfilePath, kind }, { lockfile, nodes, lockfileDigest: sha256(text) }, true);
}

function nodeProject(
  sourcePath: string,
  lock: { readonly path: string; readonly kind: string },
  project: Project,
  binsFromArchives: boolean,
): LockedProject {
  const { lockfile, nodes } = project;
  return {
    lockfiles: [{ ...lock, sha256: digestHex(project.lockfileDigest) }],
    registryKind: 'npm',
    refusals: () =>
      [...nodes.values()].flatMap(({ package: { key, entry } }) => {
        if (entry.inBundle === true) return [];
        try {
          assertNotGit(key, entry.resolved);
          sha512Of(key, entry.integrity);
          return [];
        } catch (error) {
          return error instanceof Error ? [error] : [];
        }
      }),
    async fetch({ http, bundlePath, workDir, registry, repository, onProgress }) {
      const defaultRegistry = () => askNpmForRegistry(workDir);
      const options = { http, projectPath: sourcePath, bundlePath, registry, defaultRegistry, onProgress };
      const archives = await fetchBundle(nodes, options);
      const packages = npmPackages(nodes, archives);
      return { root: npmRoot(lockfile, repository), packages, notices: installScriptNotices(project) };
    },
    async install({ bundlePath, buildPath, sourceDateEpoch }) {
      await installPackages({ lockfile, nodes, bundlePath, buildPath, sourceDateEpoch, binsFromArchives });
      return { count: nodes.size, environment: {}, binds: [], path: [], prelude: '' };
    },
  };
}

function installScriptNotices({ nodes }: Project): readonly string[] {
  const withScripts = [...nodes.values()].filter(({ package: { entry } }) => entry.hasInstallScript === true);
  if (withScripts.length === 0) return [];
  const names = [...new Set(withScripts.map(({ package: { name, version } }) => `${name}@${version}`))].join(', ');
  const cure = 'If the build needs one, start the command with "npm rebuild <name>"; it runs without network';
  return [`Install scripts are not run: ${names}. ${cure}`];
}
