import { digestHex } from '@paved/digest';
import { installPackages } from '../build/install.js';
import { fetchBundle } from '../fetch/bundle.js';
import { askNpmForRegistry } from '../fetch/default-registry.js';
import { npmPackages, npmRoot } from '../fetch/manifest.js';
import { type Project, readProject } from '../project.js';
import type { LockedProject } from './locked-project.js';

/** A project of npm: package.json with package-lock.json; node_modules is laid out by our own code. */
export async function openNpmProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const project = await readProject(sourcePath, lockfilePath);
  const { lockfile, nodes } = project;
  return {
    lockfiles: [{ path: lockfilePath, kind: 'npm', sha256: digestHex(project.lockfileDigest) }],
    registryKind: 'npm',
    async fetch({ http, bundlePath, workDir, registry, repository, onProgress }) {
      const defaultRegistry = () => askNpmForRegistry(workDir);
      const archives = await fetchBundle(nodes, {
        http,
        projectPath: sourcePath,
        bundlePath,
        registry,
        defaultRegistry,
        onProgress,
      });
      const packages = npmPackages(nodes, archives);
      return { root: npmRoot(lockfile, repository), packages, notices: installScriptNotices(project) };
    },
    async install({ bundlePath, buildPath, sourceDateEpoch }) {
      await installPackages({ lockfile, nodes, bundlePath, buildPath, sourceDateEpoch });
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
