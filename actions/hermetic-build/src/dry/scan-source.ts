import { lstat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { object, optional, parseJson, record, string } from '@paved/json';
import { readInside } from '../kinds/read-inside.js';
import type { DryFinding } from './finding.js';

/** Settings of the repository that the package manager of a kind would read, and that have no say here. */
const SETTINGS: Readonly<Record<string, readonly (readonly [path: string, cure: string])[]>> = {
  npm: [
    ['.npmrc', 'Name the registry in registry-url; other settings of it have no effect on the layout of node_modules'],
  ],
  pnpm: [
    ['.npmrc', 'Name the registry in registry-url; hoisting is that of npm'],
    ['.pnpmfile.cjs', 'Its hooks have worked on the lock file already; nothing of it runs'],
  ],
  yarn: [
    ['.yarnrc', 'Name the registry in registry-url'],
    [
      '.yarnrc.yml',
      'Name the registry in registry-url; packages are laid out in node_modules; for PnP let the command run the yarn of the repository',
    ],
    ['.pnp.cjs', 'Start programs with "npm run" or "node": packages lie in node_modules'],
    ['.yarn/cache', 'Remove it from the repository: packages are fetched and checked by the lock file'],
  ],
  go: [
    ['go.work', 'Set source-path to one module, or replace the others with "replace" in go.mod'],
    ['vendor/modules.txt', 'Remove the folder: modules are fetched and checked by go.sum'],
  ],
  cargo: [
    ['.cargo/config.toml', 'Pass what the build needs as flags or variables in the command'],
    ['.cargo/config', 'Pass what the build needs as flags or variables in the command'],
    ['rust-toolchain.toml', 'Install that toolchain in an earlier step'],
    ['rust-toolchain', 'Install that toolchain in an earlier step'],
  ],
  pypi: [
    ['pip.conf', 'Name the index in registries'],
    ['setup.cfg', 'Only what builds the project reads it; its index settings have no effect'],
  ],
  maven: [
    ['.mvn/extensions.xml', 'It works offline when its extensions stand under mavenExtensions of lockfile.json'],
    ['.mvn/wrapper/maven-wrapper.properties', 'Call "mvn" in the command: the wrapper would download Maven'],
    ['settings.xml', 'Name the repository in registries'],
  ],
};

/** What fetches, by the words of a command. */
const DOWNLOADS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:npm|pnpm) (?:ci|i|install|add)\b|\byarn(?: install| add|\s*(?:$|&&|;|\n))|\bnpx (?!--no)|\b(?:pnpm|yarn) dlx\b/,
    'Leave it out: the locked packages are installed already; programs of them are in node_modules/.bin',
  ],
  [
    /\b(?:pip3?|python3? -m pip|uv pip) (?:install|download)\b|\b(?:uv|poetry) (?:sync|install|add)\b|\buvx\b|\bpipx\b/,
    'Leave it out: the locked distributions are in the environment that "python" is of; a wheel is built with "python -m build --no-isolation"',
  ],
  [
    /\bgo (?:get|mod (?:download|tidy)|install \S+@)/,
    'Leave it out: the locked modules are there; tools belong into go.mod',
  ],
  [
    /\bcargo (?:install|fetch|update)\b|\brustup\b/,
    'Leave it out: the locked crates are there; install tools and toolchains in an earlier step',
  ],
  [
    /\.\/mvnw\b|\bdependency:(?:go-offline|resolve)/,
    'Call "mvn" with goals of locked plugins: the local repository is complete',
  ],
  [/\b(?:curl|wget)\b|\bgit (?:clone|fetch|submodule)\b/, 'List the file with its sha256 in artifacts.lock.yaml'],
  [
    /\b(?:docker|podman|buildah) (?:build|pull|run|push)\b/,
    'There is no daemon in the sandbox: use the image or dockerfile input',
  ],
  [
    /\b(?:apt-get|apt|apk|dnf|yum|brew) (?:-\S+ )*(?:install|add|update)\b/,
    'Install system packages in an earlier step; what lies under /usr and /opt is shown',
  ],
];
const OWN_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];
const RUN = /\b(?:npm|pnpm|yarn)(?: run(?:-script)?)? ([\w:.-]+)/g;
const MAX_SHOWN = 200;
const scriptsOf = object({ scripts: optional(record(string)) });

/** What the repository and the command themselves would trip over; `kind` is the family of the lock file. */
export async function findingsOfSource(
  sourcePath: string,
  lockfile: string,
  kind: string,
  command: string | undefined,
): Promise<readonly DryFinding[]> {
  const folder = posix.dirname(lockfile);
  const scripts = await readScripts(sourcePath, folder);
  return [
    ...(await ignoredSettings(sourcePath, folder, kind)),
    ...ownScripts(scripts, kind),
    ...(command === undefined ? [] : commandFindings(command, scripts)),
  ];
}

async function ignoredSettings(sourcePath: string, folder: string, kind: string): Promise<readonly DryFinding[]> {
  const findings: DryFinding[] = [];
  for (const [name, cure] of SETTINGS[kind] ?? []) {
    const path = posix.join(folder, name);
    if ((await lstat(join(sourcePath, path)).catch(() => undefined)) === undefined) continue;
    findings.push({ code: 'SETTINGS_IGNORED', breaks: false, detail: `"${path}" of the repository is not read`, cure });
  }
  return findings;
}

async function readScripts(sourcePath: string, folder: string): Promise<Readonly<Record<string, string>>> {
  try {
    const text = await readInside(sourcePath, posix.join(folder, 'package.json'));
    return text === undefined ? {} : (parseJson('package.json', text, scriptsOf).scripts ?? {});
  } catch {
    // Whoever reads the project says what is wrong with it.
    return {};
  }
}

function ownScripts(scripts: Readonly<Record<string, string>>, kind: string): readonly DryFinding[] {
  if (!['npm', 'pnpm', 'yarn'].includes(kind)) return [];
  return OWN_SCRIPTS.filter((name) => Object.hasOwn(scripts, name)).map((name) => ({
    code: 'OWN_INSTALL_SCRIPT',
    breaks: false,
    detail: `the ${name} script of the project is not run: ${JSON.stringify(scripts[name]?.slice(0, MAX_SHOWN))}`,
    cure: `Start the command with "npm run ${name}" if the build needs it`,
  }));
}

/** The command, and the scripts of package.json that it names, one level deep. */
function commandFindings(command: string, scripts: Readonly<Record<string, string>>): readonly DryFinding[] {
  const named = [...command.matchAll(RUN)].map(([, name = '']) => name).filter((name) => Object.hasOwn(scripts, name));
  const texts = [['the command', command], ...named.map((name) => [`script ${name}`, scripts[name] ?? ''])];
  return texts.flatMap(([where = '', text = '']) =>
    DOWNLOADS.flatMap(([pattern, cure]) => {
      const [found] = pattern.exec(text) ?? [];
      if (found === undefined) return [];
      const detail = `${where} would fetch: ${JSON.stringify(found.trim().slice(0, MAX_SHOWN))}`;
      return [{ code: 'COMMAND_DOWNLOAD', breaks: true, detail, cure }];
    }),
  );
}

/** The words of a text that download, by the same signs as those of a command. */
export function downloadsIn(text: string): readonly string[] {
  return DOWNLOADS.flatMap(([pattern]) => pattern.exec(text)?.[0].trim() ?? []);
}
