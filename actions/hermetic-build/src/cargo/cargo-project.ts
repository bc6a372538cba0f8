import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import { baseEnvironment, exec } from '@paved/runner-kit/exec';
import { unpack } from '../build/unpack.js';
import { HermeticBuildError } from '../error.js';
import { placeFile, readBundleIndex } from '../kinds/bundle-index.js';
import type { Fetched, Installed, InstallOptions, LockedProject } from '../kinds/locked-project.js';
import { readInside } from '../kinds/read-inside.js';
import { shownToolchain } from '../kinds/shown-toolchain.js';
import { packagePurl } from '../lockfile/purl.js';
import { crateLabel, cratePath, fetchCrates } from './fetch-crates.js';
import { type CargoLock, readCargoLock } from './locked-crate.js';

/**
 * A Cargo project: Cargo.toml with Cargo.lock. The crates are unpacked into a directory source outside of the tree, and cargo's
 * configuration is ours alone: every .cargo/config.toml of the source is left out of the copy.
 */
export async function openCargoProject(sourcePath: string, lockfilePath: string): Promise<LockedProject> {
  const text = await readInside(sourcePath, lockfilePath);
  const manifest = await readInside(sourcePath, posix.join(posix.dirname(lockfilePath), 'Cargo.toml'));
  if (text === undefined || manifest === undefined) {
    throw new HermeticBuildError(
      'LOCKFILE_MISSING',
      `Cannot read "${lockfilePath}": it or Cargo.toml beside it is missing`,
      {
        hint: 'Run "cargo generate-lockfile" and commit Cargo.lock',
      },
    );
  }
  const lock = readCargoLock(text);
  return {
    lockfiles: [{ path: lockfilePath, kind: 'cargo', sha256: digestHex(sha256(text)) }],
    registryKind: 'cargo',
    async fetch(options) {
      const packages = await fetchCrates(lock.crates, options);
      return { root: rootOf(lock, options.repository), packages, notices: [] };
    },
    install: (options) => installCrates(lock, options),
  };
}

function rootOf({ own }: CargoLock, repository: string): Fetched['root'] {
  const [first, second] = own;
  const name = first !== undefined && second === undefined ? first.name : basename(repository).toLowerCase();
  const version = first?.version ?? '0.0.0';
  return { name, version, purl: packagePurl('cargo', name, version) };
}

async function installCrates(lock: CargoLock, options: InstallOptions): Promise<Installed> {
  const files = await readBundleIndex(options.bundlePath);
  const [folder, archives] = [join(options.depsPath, 'cargo'), join(options.workDir, 'crates')];
  await mkdir(join(folder, 'vendor'), { recursive: true });
  for (const crate of lock.crates) {
    const path = cratePath(crate);
    const archive = join(archives, path);
    const found = files.get(path);
    // The name in the bundle must be the digest of the lock file, which is then compared with the bytes.
    const file = found?.sha256 === crate.sha256 ? found : undefined;
    await placeFile(options.bundlePath, file, crateLabel(crate), archive, options.sourceDateEpoch);
    const target = join(folder, 'vendor', `${crate.name}-${crate.version}`);
    await mkdir(target);
    await unpack(crateLabel(crate), archive, target, options.sourceDateEpoch);
    await writeFile(join(target, '.cargo-checksum.json'), JSON.stringify({ files: {}, package: crate.sha256 }));
  }
  await rm(archives, { recursive: true, force: true });
  const visible = `${options.visibleDepsPath}/cargo`;
  await writeFile(join(folder, 'config.toml'), configuration(visible));
  const dropped = await dropConfigurations(options.buildPath, '');
  const toolchain = await shownToolchain({
    root: await askForSysroot(options.workDir),
    marks: ['bin/cargo', 'bin/rustc', 'lib/rustlib'],
    target: '/paved/rust',
    sandboxed: options.sandboxed,
  });
  const cargoHome = `${options.home}/cargo`;
  return {
    ...toolchain,
    count: lock.crates.length,
    environment: {
      CARGO_HOME: cargoHome,
      CARGO_INCREMENTAL: '0',
      CARGO_NET_OFFLINE: 'true',
      CARGO_TERM_COLOR: 'never',
    },
    prelude: `mkdir -p '${cargoHome}'\ncp '${visible}/config.toml' '${cargoHome}/config.toml'\n`,
    notices: dropped.map(
      (path) =>
        `"${path.replaceAll(/[^\x20-\x7e]/g, '?')}" is not used: pass what the build needs as flags or variables`,
    ),
  };
}

function configuration(visible: string): string {
  const replaced = '[source.crates-io]\nreplace-with = "paved"\n';
  return `${replaced}\n[source.paved]\ndirectory = "${visible}/vendor"\n`;
}

/**
 * Removes every configuration of cargo from the copy. Attack: it can name another source for a crate, a program that wraps the
 * compiler, and flags that nobody sees in the command.
 */
async function dropConfigurations(root: string, folder: string): Promise<readonly string[]> {
  const dropped: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.name === '.cargo') {
      await rm(join(root, path), { recursive: true, force: true });
      dropped.push(path);
    } else if (entry.isDirectory()) {
      dropped.push(...(await dropConfigurations(root, path)));
    }
  }
  return dropped;
}

/** Asked in an empty folder: a rust-toolchain.toml of the repository would make rustup download what it names. */
async function askForSysroot(workDir: string): Promise<string> {
  const cwd = await mkdtemp(join(workDir, 'rust-'));
  const args = ['--print', 'sysroot'];
  const answer = await exec({ command: 'rustc', args, cwd, env: baseEnvironment() }).catch(() => undefined);
  if (answer?.exitStatus === 0) return answer.stdout.trim();
  throw new HermeticBuildError('TOOLCHAIN_MISSING', 'Cannot ask rustc: it could not be started, or failed', {
    hint: 'Install Rust in an earlier step (rustup toolchain install)',
  });
}
