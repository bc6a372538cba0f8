import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type RegistryDouble, startRegistry } from '@paved/testkit';
import { definition } from '../../../actions/hermetic-build/src/definition.js';
import { type Outputs, run } from '../../../actions/hermetic-build/src/run.js';
import type { EngineName } from '../catalog.js';
import { installDebian } from '../debian-package.js';
import { runOrThrow } from '../program.js';
import { type FileSource, publishImage } from './images.js';

export interface BuildKitContext {
  readonly folder: string;
  readonly engine: (name: EngineName) => string;
  readonly registry: RegistryDouble;
  /** `127.0.0.1:port` */
  readonly host: string;
  /** A base of two platforms with a static shell, by digest. */
  readonly base: string;
  /** A release of BuildKit as an image, by digest. */
  readonly buildkit: string;
  /** Runs the action over a source of these files; a later phase on the machine of an earlier one. */
  readonly act: (
    files: Readonly<Record<string, string>>,
    inputs: Readonly<Record<string, string>>,
    host?: TestContext,
  ) => Promise<Built>;
}

export interface Built {
  readonly outputs: Outputs;
  readonly host: TestContext;
}

const APPLETS = [
  'busybox',
  'sh',
  'cat',
  'echo',
  'ls',
  'nc',
  'nslookup',
  'mkdir',
  'ln',
  'rm',
  'touch',
  'stat',
  'tar',
  'chmod',
  'sleep',
];

/** A base of two platforms with a static shell; the reference by digest. */
export async function publishBase(registry: RegistryDouble, folder: string): Promise<string> {
  const busybox = await installDebian('busybox-static', '/bin/busybox');
  const shell = Object.fromEntries(APPLETS.map((name) => [`/bin/${name}`, { source: busybox }]));
  const digest = await publishImage(registry, folder, 'acme/base', {
    platforms: {
      'linux/amd64': { ...shell, '/etc/base': { text: 'amd64\n' } },
      'linux/arm64': { '/etc/base': { text: 'arm64\n' } },
    },
    env: { PATH: '/bin' },
  });
  return `${new URL(registry.url).host}/acme/base:1@${digest}`;
}

/** A shell and the Go of this machine, in the place of the image that the example names. */
export async function publishGo(registry: RegistryDouble, folder: string): Promise<string> {
  const busybox = await installDebian('busybox-static', '/bin/busybox');
  const root = (await runOrThrow('go', ['env', 'GOROOT'])).trim();
  const parts = ['bin', 'pkg', 'src', 'VERSION', 'go.env'].filter((part) => existsSync(join(root, part)));
  const files = Object.fromEntries(parts.map((part) => [`/usr/local/go/${part}`, { source: join(root, part) }]));
  const digest = await publishImage(registry, folder, 'acme/golang', {
    platforms: { 'linux/amd64': { '/bin/sh': { source: busybox }, ...files } },
    env: { PATH: '/usr/local/go/bin:/bin', GOROOT: '/usr/local/go' },
  });
  return `${new URL(registry.url).host}/acme/golang:1@${digest}`;
}

/** The frontend of `# syntax=` as the project releases it, or another program in its place. */
export async function publishFrontend(registry: RegistryDouble, folder: string, program: string): Promise<string> {
  const path = '/bin/dockerfile-frontend';
  const digest = await publishImage(registry, folder, 'docker/dockerfile', {
    platforms: { 'linux/amd64': { [path]: { source: program } } },
    entrypoint: [path],
    labels: {
      'moby.buildkit.frontend.network.none': 'true',
      'moby.buildkit.frontend.caps':
        'moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts',
    },
  });
  return `${new URL(registry.url).host}/docker/dockerfile:1@${digest}`;
}

/** BuildKit built from source with the distribution's runc, laid out as the project's own image. */
export async function publishBuildKit(
  registry: RegistryDouble,
  folder: string,
  engine: (name: EngineName) => string,
  daemon: FileSource = { source: engine('buildkitd') },
): Promise<string> {
  const runc = await installDebian('runc', '/usr/sbin/runc');
  const digest = await publishImage(registry, folder, 'moby/buildkit', {
    platforms: {
      'linux/amd64': {
        '/usr/bin/buildkitd': daemon,
        '/usr/bin/buildctl': { source: engine('buildctl') },
        '/usr/bin/buildkit-runc': { source: runc },
      },
    },
  });
  return `${new URL(registry.url).host}/moby/buildkit:1@${digest}`;
}

/** BuildKit's daemon, killed in its first RUN step, for `times` starts, beginning with start `from` (0 is the first). */
export function losing(
  daemon: string,
  counter: string,
  { from, times }: { readonly from: number; readonly times: number },
): string {
  return `#!/bin/sh
started=$(cat '${counter}' 2>/dev/null || echo 0)
echo "$((started + 1))" >'${counter}'
if [ "$started" -lt ${from} ] || [ "$started" -ge ${from + times} ]; then exec '${daemon}' "$@"; fi
'${daemon}' "$@" &
until ls -d "\${2%/*}"/state/runc-native/executor/*/ >/dev/null 2>&1; do sleep 0.02; done
kill -s KILL $!
wait $!
`;
}

/** A test that passes at the second attempt must not hide why there was one. */
export function sayLosses(lines: readonly string[]): void {
  for (const line of lines.filter((text) => text.includes('buildkitd ended'))) process.stdout.write(`     ${line}\n`);
}

/** BuildKit built from source, runc and busybox of the distribution, and a registry on loopback that has them as images. */
export async function startBuildKit(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: BuildKitContext; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-buildkit-engine-'));
  const registry = await startRegistry();
  const host = new URL(registry.url).host;
  const base = await publishBase(registry, folder);
  const buildkit = await publishBuildKit(registry, folder, engine);
  const hosts: TestContext[] = [];
  const context: BuildKitContext = {
    folder,
    engine,
    registry,
    host,
    base,
    buildkit,
    async act(files, inputs, sameHost) {
      const test = sameHost ?? (await testContext({ action: 'hermetic-build' }));
      hosts.push(test);
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(test.workspace, path)), { recursive: true });
        await writeFile(join(test.workspace, path), text);
      }
      const common = { 'source-path': test.workspace, dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
      const named = { 'buildkit-image': context.buildkit, 'private-hosts': host };
      const given = { ...common, ...named, ...inputs };
      const outputs = await run(await test.inputs(definition, given), test.context);
      sayLosses(test.lines);
      return { outputs, host: test };
    },
  };
  const stop = async () => {
    for (const test of hosts) await test.dispose();
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { context, stop };
}
