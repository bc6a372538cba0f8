import { lstat, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { baseEnvironment } from '@paved/runner-kit/exec';
import type { ReadOnlyBind } from '@paved/sandbox';
import { HermeticBuildError } from '../error.js';
import { shownToolchain, type ToolchainFolder } from '../kinds/shown-toolchain.js';

/** Settings that distributions keep apart from the program: links out of its folder, to one of these. */
const SETTINGS = /^\/etc\/(?:java-[\w.-]+|maven)(?:\/|$)/;
const LINKED = [
  'conf',
  'conf/security',
  'conf/security/java.security',
  'conf/settings.xml',
  'lib/security',
  'lib/jvm.cfg',
];

export interface JavaToolchain {
  readonly javaHome: string;
  readonly binds: readonly ReadOnlyBind[];
  readonly path: readonly string[];
}

/**
 * The Java and the Maven of this user's PATH, where they really are: distributions put links through /etc in between, which is
 * hidden. Of /etc the folders of their own settings alone are shown.
 * @throws {HermeticBuildError} `TOOLCHAIN_MISSING`
 */
export async function javaToolchain(sandboxed: boolean): Promise<JavaToolchain> {
  const javaHome = dirname(dirname(await programOf('java', 'Install a JDK in an earlier step (actions/setup-java)')));
  const mavenHome = dirname(dirname(await programOf('mvn', 'Install Maven in an earlier step')));
  const folders: ToolchainFolder[] = [
    { root: javaHome, marks: ['bin/java', 'lib'], sandboxed },
    { root: mavenHome, marks: ['bin/mvn', 'boot', 'lib'], sandboxed },
  ];
  const shown = await Promise.all(folders.map(shownToolchain));
  const settings = sandboxed ? await settingsOf([javaHome, mavenHome]) : [];
  return {
    javaHome,
    binds: [...shown.flatMap(({ binds }) => binds), ...settings.map((path) => ({ source: path, target: path }))],
    path: shown.flatMap(({ path }) => path),
  };
}

async function programOf(name: string, hint: string): Promise<string> {
  for (const folder of (baseEnvironment().PATH ?? '').split(delimiter)) {
    const found = await realpath(join(folder, name)).catch(() => undefined);
    if (found !== undefined && folder.startsWith('/')) return found;
  }
  throw new HermeticBuildError('TOOLCHAIN_MISSING', `Cannot find "${name}": it is in no folder of PATH`, { hint });
}

async function settingsOf(homes: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const home of homes) {
    for (const path of LINKED) {
      const target = await realpath(join(home, path)).catch(() => undefined);
      const folder = target === undefined ? undefined : SETTINGS.exec(`${target}/`)?.[0].replace(/\/$/, '');
      if (folder !== undefined && (await lstat(folder)).isDirectory()) found.add(folder);
    }
  }
  return [...found].sort();
}
