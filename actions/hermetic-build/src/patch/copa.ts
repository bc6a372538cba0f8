import { chmod, copyFile, lstat, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInSandbox, type SandboxMethod } from '@paved/sandbox';
import type { Daemon } from '../buildkit/start-daemon.js';
import { patchFailed } from './patch-error.js';
import { RELAY_PORT } from './relay-script.js';

export interface CopaJob {
  /** The program. */
  readonly copa: string;
  readonly daemon: Daemon;
  readonly method: SandboxMethod;
  readonly workDir: string;
  /** What the daemon pulls, by digest. */
  readonly reference: string;
  readonly timeoutMs: number;
  readonly onOutput: (chunk: Buffer) => void;
}

const LAST_CHARACTERS = 20_000;
const LAST_LINES = 14;
/** What copa ends with when every package is the newest. */
const UNCHANGED = /^Error: (?:failed to solve: )?no package updates found for image$/m;
const SOCKET = '/paved/buildkit.sock';

/** In the place of a container engine: copa hands the image over to `podman load`. */
const LOADER = `#!/bin/sh
if [ "$*" = load ]; then exec cat >/build/image.tar; fi
exit 1
`;
const COMMAND = `exec /paved/copa patch --addr unix://${SOCKET} --image "$PAVED_IMAGE" --tag patched \\
  --loader podman --progress plain --timeout "$PAVED_TIMEOUT"`;

/**
 * Has copa upgrade all packages of one image. It runs as nobody, without any network: it talks to the daemon alone, and only the
 * daemon's steps are led to the mirrors. Every source but that image is denied; the tools that copa wants beside it are taken from the
 * image itself, never by tag from a registry.
 * @returns the path of the archive that it wrote; `undefined` when there was nothing to upgrade
 * @throws {HermeticBuildError} `IMAGE_PATCH_FAILED`
 */
export async function runCopa(job: CopaJob): Promise<string | undefined> {
  const { copa, daemon, method, workDir, reference, timeoutMs } = job;
  const folder = await mkdtemp(join(workDir, 'copa-'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/podman'), LOADER);
  await chmod(join(folder, 'bin/podman'), 0o755);
  await writeFile(join(folder, 'source-policy.json'), JSON.stringify(sourcePolicy(reference)));
  // The program lies in a folder that its user may not enter.
  const program = join(workDir, 'copa-program');
  await copyFile(copa, program);
  await chmod(program, 0o755);
  const socket = daemon.address.slice('unix://'.length);
  // Its folder is the action's alone; the sandbox gets the socket by itself.
  await chmod(socket, 0o666);
  const proxy = `http://127.0.0.1:${RELAY_PORT}`;
  let output = '';
  const { exitStatus, timedOut } = await runInSandbox(method, {
    command: COMMAND,
    buildDir: folder,
    workDir,
    environment: {
      PATH: '/build/bin:/usr/bin:/bin',
      HOME: '/tmp/home',
      PAVED_IMAGE: reference,
      PAVED_TIMEOUT: `${Math.ceil(timeoutMs / 1000)}s`,
      EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: '/build/source-policy.json',
      // Not for copa itself, which has no network: it passes them on to the steps.
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
    },
    binds: [
      { source: program, target: '/paved/copa' },
      { source: socket, target: SOCKET },
    ],
    timeoutMs,
    onOutput: (chunk) => {
      output = (output + chunk.toString('utf8')).slice(-LAST_CHARACTERS);
      job.onOutput(chunk);
    },
  });
  if (timedOut) {
    throw patchFailed(`copa took longer than ${timeoutMs / 1000} s`, 'Raise timeout, or name a mirror that is nearer');
  }
  const archive = join(folder, 'image.tar');
  const written = (await lstat(archive).catch(() => undefined))?.isFile() === true;
  if (exitStatus === 0 && written) {
    const kept = join(workDir, 'patched.tar');
    await rename(archive, kept);
    await rm(folder, { recursive: true, force: true });
    return kept;
  }
  if (exitStatus !== 0 && UNCHANGED.test(output)) return undefined;
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  throw patchFailed(
    `copa ended with ${exitStatus}: its last lines: ${lines.slice(-LAST_LINES).join(' | ')}`,
    'Name the mirrors that the image asks for in patch-mirrors; its package manager must know http_proxy',
  );
}

/** The last rule that fits decides; copa reads the first one as a conversion, whatever it is. */
function sourcePolicy(reference: string): unknown {
  const image = `docker-image://${reference}`;
  const selector = (identifier: string) => ({ identifier, matchType: 'WILDCARD' });
  return {
    rules: [
      { action: 'CONVERT', selector: selector('docker-image://docker.io/library/*'), updates: { identifier: image } },
      { action: 'DENY', selector: selector('*') },
      { action: 'ALLOW', selector: selector(image) },
    ],
  };
}
