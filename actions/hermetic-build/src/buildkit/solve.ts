import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@paved/digest';
import { exec } from '@paved/runner-kit/exec';
import { FILE_SERVER_PORT } from './daemon-script.js';
import type { BuildKitTools } from './find-tools.js';
import type { Daemon } from './start-daemon.js';

export interface SolveOptions {
  readonly tools: BuildKitTools;
  readonly daemon: Daemon;
  readonly workDir: string;
  /** Folders that the client shows to the daemon, by name; `context` and `dockerfile` are the frontend's. */
  readonly locals: Readonly<Record<string, string>>;
  /** Layout that all images come from. */
  readonly imagesPath: string;
  /** Name of an image as the Dockerfile has it, in BuildKit's short form, to its digest. */
  readonly images: ReadonlyMap<string, Digest>;
  /** Address of a file of `ADD` to its sha256 in hex. */
  readonly downloads?: ReadonlyMap<string, string>;
  /** Options of the frontend. */
  readonly frontend: Readonly<Record<string, string>>;
  readonly output: string;
  /** `none` is for the canary, which has to show that the daemon reaches nothing by itself. Default `given`. */
  readonly policy?: 'given' | 'none';
  readonly onOutput: (chunk: Buffer) => void;
}

const STORE = 'paved';

/**
 * Asks the daemon for one build. Beside having no network it gets a policy that denies every source but the ones that are given
 * here by digest, and RUN steps get a network of their own with nothing in it.
 * @returns the exit status of buildctl
 */
export async function solve(options: SolveOptions): Promise<number> {
  const { tools, daemon, workDir, locals, images } = options;
  const policyPath = join(workDir, 'source-policy.json');
  await writeFile(policyPath, JSON.stringify(sourcePolicy(options)));
  const contexts = [...images].map(([name, digest]) => [`context:${name}`, `oci-layout://${STORE}@${digest}`] as const);
  const frontend = { ...options.frontend, 'force-network-mode': 'none', ...Object.fromEntries(contexts) };
  const args = [
    ...['--addr', daemon.address, 'build', '--progress', 'plain', '--frontend', 'dockerfile.v0'],
    ...Object.entries(locals).flatMap(([name, path]) => ['--local', `${name}=${path}`]),
    ...(images.size === 0 ? [] : ['--oci-layout', `${STORE}=${options.imagesPath}`]),
    ...Object.entries(frontend).flatMap(([name, value]) => ['--opt', `${name}=${value}`]),
    ...(options.policy === 'none' ? [] : ['--source-policy-file', policyPath]),
    ...['--output', options.output],
  ];
  const { exitStatus } = await exec({
    command: tools.buildctl,
    args,
    cwd: workDir,
    env: {},
    onOutput: options.onOutput,
  });
  return exitStatus;
}

/** The last rule that fits decides. */
function sourcePolicy({ images, downloads = new Map() }: SolveOptions): unknown {
  const allow = (identifier: string) => ({ action: 'ALLOW', selector: { identifier, matchType: 'WILDCARD' } });
  return {
    rules: [
      { action: 'DENY', selector: { identifier: '*', matchType: 'WILDCARD' } },
      allow('local://*'),
      ...[...images.values()].map((digest) => allow(`oci-layout://*@${digest}`)),
      ...[...downloads].flatMap(([url, sha256]) => {
        const identifier = `http://127.0.0.1:${FILE_SERVER_PORT}/${sha256}`;
        return [
          { action: 'CONVERT', selector: { identifier: url, matchType: 'EXACT' }, updates: { identifier } },
          allow(identifier),
        ];
      }),
    ],
  };
}
