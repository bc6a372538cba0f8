import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { type LockfileKind, parseToml } from '@paved/bom/lockfiles';
import { digestHex, sha256 } from '@paved/digest';
import { HermeticBuildError } from '../error.js';
import { type BundleFile, placeFile, readBundleIndex } from '../kinds/bundle-index.js';
import type { Fetched, FetchOptions, Installed, InstallOptions, LockedProject } from '../kinds/locked-project.js';
import { readInside } from '../kinds/read-inside.js';
import { shownToolchain } from '../kinds/shown-toolchain.js';
import { packagePurl } from '../lockfile/purl.js';
import { fetchDistributions } from './fetch-distributions.js';
import { type LockedDistribution, lockedDistributions } from './locked-distribution.js';
import { askForFacts, askPipForIndex } from './python-facts.js';
import { normalName, parseFileName, sameVersion } from './wheel.js';

interface PythonLock {
  readonly kind: LockfileKind;
  readonly text: string;
  readonly pyproject: string | undefined;
}

/**
 * A Python project: requirements with hashes, uv.lock or poetry.lock. pip installs the bundle into a virtual environment inside the
 * sandbox, offline and with hashes required; the repository's pip.conf, pyproject.toml and uv.toml are not read for it.
 */
export async function openPythonProject(
  sourcePath: string,
  lockfilePath: string,
  kind: LockfileKind,
): Promise<LockedProject> {
  const text = await readInside(sourcePath, lockfilePath);
  if (text === undefined) {
    throw new HermeticBuildError('LOCKFILE_MISSING', `Cannot read "${lockfilePath}": there is no such file`, {
      hint: 'Commit requirements with hashes (pip-compile --generate-hashes), uv.lock or poetry.lock',
    });
  }
  const pyproject = await readInside(sourcePath, posix.join(posix.dirname(lockfilePath), 'pyproject.toml'));
  const lock = { kind, text, pyproject };
  return {
    lockfiles: [{ path: lockfilePath, kind, sha256: digestHex(sha256(text)) }],
    registryKind: 'pypi',
    fetch: (options) => fetchPython(lock, options),
    install: (options) => installPython(lock, options),
  };
}

async function fetchPython(lock: PythonLock, options: FetchOptions): Promise<Fetched> {
  const facts = await askForFacts(options.workDir);
  const locked = lockedDistributions(lock.kind, lock.text, facts.markers);
  const index = options.registry ?? options.hosts.add(await askPipForIndex(options.workDir));
  const { packages, built } = await fetchDistributions(locked, index, facts, options);
  const cure = 'their own build code runs in the sandbox; lock a wheel, or the build requirements as well';
  const notices = built.length === 0 ? [] : [`No wheel for this Python: ${built.join(', ')}; ${cure}`];
  return { root: rootOf(lock.pyproject, options.repository), packages, notices };
}

function rootOf(pyproject: string | undefined, repository: string): Fetched['root'] {
  const project = pyproject === undefined ? undefined : parseToml(pyproject).project;
  const fields = typeof project === 'object' && !Array.isArray(project) ? project : {};
  const name = normalName(typeof fields.name === 'string' ? fields.name : basename(repository));
  const version = typeof fields.version === 'string' ? fields.version : '0.0.0';
  const licence = typeof fields.license === 'string' ? { licence: fields.license } : {};
  return { name, version, purl: packagePurl('pypi', name, version), ...licence };
}

async function installPython(lock: PythonLock, options: InstallOptions): Promise<Installed> {
  const facts = await askForFacts(options.workDir);
  const locked = lockedDistributions(lock.kind, lock.text, facts.markers);
  const files = [...(await readBundleIndex(options.bundlePath)).values()];
  const folder = join(options.depsPath, 'python');
  await mkdir(folder, { recursive: true });
  const lines = { wheel: [] as string[], sdist: [] as string[] };
  for (const item of locked) {
    const file = fileOf(item, files);
    await placeFile(
      options.bundlePath,
      file,
      `${item.name}@${item.version}`,
      join(folder, file.path),
      options.sourceDateEpoch,
    );
    const kind = file.path.endsWith('.whl') ? 'wheel' : 'sdist';
    lines[kind].push(`${item.name}==${item.version} --hash=sha256:${file.sha256}\n`);
  }
  for (const kind of ['wheel', 'sdist'] as const) await writeFile(join(folder, `${kind}.txt`), lines[kind].join(''));
  const toolchain = await shownToolchain({
    root: facts.prefix,
    marks: ['bin/python3', `lib/python3.${facts.minor}/os.py`],
    sandboxed: options.sandboxed,
  });
  const [bin = ''] = toolchain.path;
  const visible = `${options.visibleDepsPath}/python`;
  const venv = `${options.home}/venv`;
  return {
    binds: toolchain.binds,
    path: [`${venv}/bin`, bin],
    count: locked.length,
    environment: pythonEnvironment(visible, venv),
    prelude: preludeOf({ python: `${bin}/python3`, venv, visible, lines }),
  };
}

/** The one file of the bundle that is this distribution by name and by a digest of the lock file. */
function fileOf(item: LockedDistribution, files: readonly BundleFile[]): BundleFile {
  const found = files.find((file) => {
    const parsed = parseFileName(file.path);
    const own = parsed !== undefined && parsed.name === item.name && sameVersion(parsed.version, item.version);
    return own && item.sha256.includes(file.sha256);
  });
  if (found !== undefined) return found;
  throw new HermeticBuildError(
    'BUNDLE_INCOMPLETE',
    `Cannot install "${item.name}@${item.version}": it is not in the bundle`,
    {
      hint: 'Give bundle-path the output of a fetch phase over the same lock file and with the same Python',
    },
  );
}

function pythonEnvironment(visible: string, venv: string): Readonly<Record<string, string>> {
  return {
    VIRTUAL_ENV: venv,
    PYTHONHASHSEED: '0',
    PYTHONNOUSERSITE: '1',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_FIND_LINKS: visible,
    PIP_NO_INDEX: '1',
    PIP_NO_INPUT: '1',
    POETRY_VIRTUALENVS_CREATE: 'false',
    UV_NO_CONFIG: '1',
    UV_OFFLINE: '1',
    UV_NO_INDEX: '1',
    UV_FIND_LINKS: visible,
  };
}

interface Prelude {
  readonly python: string;
  readonly venv: string;
  readonly visible: string;
  readonly lines: { readonly wheel: readonly string[]; readonly sdist: readonly string[] };
}

/**
 * Isolated mode (-I) keeps the source folder off sys.path: a pip.py of the repository would run in place of pip. All paths are
 * our own, and quoted. Wheels come first, because they may be what the source archives are built with.
 */
function preludeOf({ python, venv, visible, lines }: Prelude): string {
  const pip = `'${python}' -I -m pip --python '${venv}/bin/python' --isolated --quiet`;
  const install = `${pip} install --no-index --find-links '${visible}' --require-hashes --no-deps --no-cache-dir --disable-pip-version-check --no-warn-script-location`;
  const parts = [`'${python}' -I -m venv --without-pip '${venv}'`];
  if (lines.wheel.length > 0) parts.push(`${install} --only-binary :all: -r '${visible}/wheel.txt'`);
  if (lines.sdist.length > 0) parts.push(`${install} --no-build-isolation -r '${visible}/sdist.txt'`);
  return `${parts.join('\n')}\n`;
}
