import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import { sha512File } from '../build/sha512-file.js';
import { HermeticBuildError } from '../error.js';
import { placeFile, readBundleIndex } from '../kinds/bundle-index.js';
import type { Fetched, Installed, InstallOptions, LockedProject } from '../kinds/locked-project.js';
import { readInside } from '../kinds/read-inside.js';
import { insideFolder } from '../node/workspaces.js';
import { GENERATE, gav, mavenPurl, repositoryPath } from './coordinates.js';
import { fetchArtifacts, lockedFiles } from './fetch-artifacts.js';
import { javaToolchain } from './java-toolchain.js';
import { type MavenLock, readMavenLock } from './maven-lock.js';
import { pomContents, writePom } from './written-pom.js';

const MAX_MODULES = 1000;

interface Module extends MavenLock {
  readonly path: string;
  readonly sha256: string;
}

/**
 * A Maven project: pom.xml with lockfile.json of the maven-lockfile plugin, in every module. The command gets a local repository
 * with what is locked and nothing else, and settings that keep Maven offline.
 * @throws {HermeticBuildError} `LOCKFILE_MISSING`, `LOCKFILE_OUTDATED`, `LOCKFILE_INVALID`, `LOCKFILE_VERSION`, `INTEGRITY_MISSING`, `INTEGRITY_WEAK`
 */
export async function openMavenProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const modules: Module[] = [];
  for (const folder of await moduleFolders(sourcePath, posix.dirname(lockfilePath))) {
    const module = await readModule(sourcePath, posix.join(folder, posix.basename(lockfilePath)));
    modules.push(module);
  }
  const [root] = modules;
  if (root === undefined) throw missing(lockfilePath);
  // All is checked before anything is asked for.
  lockedFiles(modules);
  return {
    lockfiles: modules.map(({ path, sha256: digest }) => ({ path, kind: 'maven', sha256: digest })),
    registryKind: 'maven',
    async fetch(options) {
      const packages = await fetchArtifacts(modules, options);
      return { root: rootOf(root), packages, notices: [] };
    },
    install: (options) => installRepository(modules, options),
  };
}

function rootOf({ project }: MavenLock): Fetched['root'] {
  const { group, artifact, version } = project;
  return { name: `${group}:${artifact}`, version, purl: mavenPurl({ ...project, extension: 'jar' }) };
}

/** The folder of the lock file first, then those that `<module>` of a pom.xml names, in profiles too. */
async function moduleFolders(sourcePath: string, top: string): Promise<readonly string[]> {
  const found = [top === '.' ? '' : top];
  for (const folder of found) {
    const pom = (await readInside(sourcePath, posix.join(folder, 'pom.xml'))) ?? '';
    for (const [, name = ''] of pom.replaceAll(/<!--.*?-->/gs, '').matchAll(/<module>([^<]+)<\/module>/g)) {
      const module = insideFolder(folder, name.trim(), name);
      if (!found.includes(module) && found.push(module) > MAX_MODULES)
        throw missing(`more than ${MAX_MODULES} modules`);
    }
  }
  return found;
}

async function readModule(sourcePath: string, path: string): Promise<Module> {
  const pomPath = posix.join(posix.dirname(path), 'pom.xml');
  const [text, pom] = [await readInside(sourcePath, path), await readInside(sourcePath, pomPath)];
  if (text === undefined || pom === undefined) throw missing(path);
  const lock = readMavenLock(path, text);
  if (lock.pomSha256 !== undefined && lock.pomSha256 !== digestHex(sha256(pom))) {
    throw new HermeticBuildError(
      'LOCKFILE_OUTDATED',
      `Cannot use "${path}": "${pomPath}" changed after it was locked`,
      {
        hint: GENERATE,
      },
    );
  }
  return { ...lock, path, sha256: digestHex(sha256(text)) };
}

async function installRepository(modules: readonly Module[], options: InstallOptions): Promise<Installed> {
  const { bundlePath, depsPath, sourceDateEpoch } = options;
  const index = await readBundleIndex(bundlePath);
  const repository = join(depsPath, 'maven', 'repository');
  await mkdir(repository, { recursive: true });
  const locked = lockedFiles(modules);
  for (const [path, file] of locked) {
    const found = index.get(path);
    const same = file.algorithm !== 'sha256' || found?.sha256 === file.digest;
    const target = join(repository, path);
    await placeFile(bundlePath, same ? found : undefined, path, target, sourceDateEpoch);
    // The name in the bundle is a SHA-256; another digest of the lock file is compared with the bytes.
    if (file.algorithm === 'sha512' && (await sha512File(target)) !== file.digest) throw changed(path);
  }
  await writePoms(modules, repository, new Set(locked.keys()));
  const local = `${options.home}/.m2/repository`;
  await writeFile(join(depsPath, 'maven', 'settings.xml'), settings(local));
  const visible = `${options.visibleDepsPath}/maven`;
  const toolchain = await javaToolchain(options.sandboxed);
  return {
    binds: toolchain.binds,
    path: toolchain.path,
    count: locked.size,
    // Java takes the home folder from the user database, which is not HOME.
    environment: { JAVA_HOME: toolchain.javaHome, MAVEN_OPTS: `-Duser.home=${options.home}`, MAVEN_ARGS: '--offline' },
    prelude: `mkdir -p '${options.home}/.m2'\ncp -R '${visible}/repository' '${local}'\nchmod -R u+w '${local}'\ncp '${visible}/settings.xml' '${options.home}/.m2/settings.xml'\n`,
  };
}

async function writePoms(modules: readonly Module[], repository: string, real: ReadonlySet<string>): Promise<void> {
  const own = new Set(modules.map(({ project }) => gav(project)));
  const dependencies = modules.flatMap((module) => module.dependencies);
  const plugins = modules.flatMap((module) => module.plugins);
  for (const content of pomContents(dependencies, plugins)) {
    const { classifier: _, ...file } = content.file;
    const path = repositoryPath({ ...file, extension: 'pom' });
    if (real.has(path) || own.has(gav(file))) continue;
    await mkdir(dirname(join(repository, path)), { recursive: true });
    await writeFile(join(repository, path), writePom(content));
  }
}

function settings(localRepository: string): string {
  return `<settings>\n  <localRepository>${localRepository}</localRepository>\n  <offline>true</offline>\n  <interactiveMode>false</interactiveMode>\n</settings>\n`;
}

function missing(path: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${path}": it or pom.xml beside it is missing`, {
    hint: GENERATE,
  });
}

function changed(path: string): HermeticBuildError {
  return new HermeticBuildError('INTEGRITY_MISMATCH', `Cannot install "${path}": it changed in the bundle`, {
    hint: 'Run the fetch phase again, and find out which step writes to the bundle',
  });
}
