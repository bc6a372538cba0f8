import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { enginePath } from '../engines/install.js';
import { type Daemon, startDaemon } from '../engines/program.js';
import type { BenchCase, Peer } from './bench.js';

const MIB = 1024 * 1024;
const GOAL = 1.05;
const MEMORY_BOUND_MIB = 150;
const TAG = '1.0.0';

interface Run {
  readonly wallMs: number;
  readonly peakMiB: number;
}

interface Program {
  readonly name: string;
  /** Pushes `layout` to a repository that nobody has pushed to. */
  readonly push: (layout: string, repository: string) => Promise<Run>;
}

/**
 * Pushes the same layouts to one loopback registry (crane's, on disk) by our bundle and by every Go tool that this machine has. The
 * registry's blobs are removed before each run: it keeps them for all repositories.
 */
export async function cases(): Promise<readonly BenchCase[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-push-'));
  const store = join(folder, 'store');
  mkdirSync(store);
  const { host, daemon } = await startRegistry(store);
  process.once('beforeExit', () => {
    void daemon.stop().then(() => rmSync(folder, { recursive: true, force: true }));
  });
  const peers = findPeers(host);
  process.stderr.write(`peers: ${peers.map(({ name }) => name).join(', ') || 'none'}\n`);
  const ours = paved(host, folder);
  let repositories = 0;
  const sample = (program: Program, layout: string, metric: keyof Run) => async () => {
    for (const name of readdirSync(store)) rmSync(join(store, name), { recursive: true });
    repositories += 1;
    return (await program.push(layout, `bench/app${repositories}`))[metric];
  };
  const sets = [
    { name: 'one layer of 256 MiB', layout: await writeLayout(join(folder, 'one'), 1, 256 * MIB) },
    { name: '40 layers of 4 MiB', layout: await writeLayout(join(folder, 'forty'), 40, 4 * MIB) },
  ];
  const among = (layout: string, metric: keyof Run) =>
    peers.map((peer): Peer => ({ name: peer.name, sample: sample(peer, layout, metric) }));
  const comparisons = sets.flatMap(({ name, layout }): readonly BenchCase[] => [
    {
      name,
      metric: 'wall',
      unit: 'ms',
      ours: sample(ours, layout, 'wallMs'),
      peers: among(layout, 'wallMs'),
      plus: { name: 'an empty Node start', sample: async () => (await emptyStart()).wallMs },
      goal: GOAL,
    },
    {
      name,
      metric: 'peak-memory',
      unit: 'MiB',
      ours: sample(ours, layout, 'peakMiB'),
      goal: MEMORY_BOUND_MIB,
    },
    ...peers.map(
      (peer): BenchCase => ({
        name: `${name}, ${peer.name} alone`,
        metric: 'peak-memory',
        unit: 'MiB',
        ours: sample(peer, layout, 'peakMiB'),
        goal: MEMORY_BOUND_MIB,
        once: true,
      }),
    ),
  ]);
  const large = await writeLayout(join(folder, 'large'), 1, 4096 * MIB);
  const bound: BenchCase = {
    name: 'one layer of 4 GiB',
    metric: 'peak-memory',
    unit: 'MiB',
    ours: sample(ours, large, 'peakMiB'),
    goal: MEMORY_BOUND_MIB,
    once: true,
  };
  return [...comparisons, bound];
}

function paved(host: string, folder: string): Program {
  const bundle = resolve('dist/push/index.js');
  return {
    name: 'paved',
    push: async (layout, repository) => {
      const temp = mkdtempSync(join(folder, 'run-'));
      for (const name of ['output', 'summary', 'state']) writeFileSync(join(temp, name), '');
      const env = {
        RUNNER_TEMP: temp,
        GITHUB_WORKSPACE: folder,
        GITHUB_OUTPUT: join(temp, 'output'),
        GITHUB_STEP_SUMMARY: join(temp, 'summary'),
        GITHUB_STATE: join(temp, 'state'),
        'INPUT_LAYOUT-PATH': layout,
        INPUT_REGISTRY: host,
        INPUT_REPOSITORY: repository,
        INPUT_TAGS: TAG,
        'INPUT_ALLOW-UNSIGNED': 'true',
      };
      return await run(process.execPath, [bundle], env);
    },
  };
}

/** Those that are here; skopeo comes from the distribution's packages. */
function findPeers(host: string): readonly Program[] {
  const [crane, oras, skopeo] = [enginePath('crane'), enginePath('oras'), findOnPath('skopeo')];
  const found: (Program & { readonly path: string | undefined })[] = [
    {
      name: 'crane',
      path: crane,
      push: (layout, repository) => run(crane, ['push', '--insecure', layout, `${host}/${repository}:${TAG}`]),
    },
    {
      name: 'oras',
      path: oras,
      push: (layout, repository) =>
        run(oras, ['cp', '--from-oci-layout', `${layout}:${TAG}`, '--to-plain-http', `${host}/${repository}:${TAG}`]),
    },
    {
      name: 'skopeo',
      path: skopeo,
      push: (layout, repository) =>
        run(skopeo ?? '', [
          'copy',
          '--insecure-policy',
          '--dest-tls-verify=false',
          `oci:${layout}:${TAG}`,
          `docker://${host}/${repository}:${TAG}`,
        ]),
    },
  ];
  return found.filter(({ path }) => path !== undefined && existsSync(path));
}

function findOnPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

async function emptyStart(): Promise<Run> {
  return await run(process.execPath, ['--eval', '']);
}

/** Runs a program to its end; the kernel keeps the peak, which is read until the program is gone. */
async function run(path: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run> {
  const startedAt = performance.now();
  const child = spawn(path, args, { env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-2000);
    });
  }
  let peakMiB = 0;
  const read = () => {
    peakMiB = Math.max(peakMiB, peakOf(child.pid));
  };
  const timer = setInterval(read, 5);
  const status = await new Promise<number | null>((resolved, reject) => {
    child.once('error', reject);
    child.once('exit', resolved);
  });
  const wallMs = performance.now() - startedAt;
  clearInterval(timer);
  if (status !== 0) throw new Error(`Cannot measure ${path}: it ended with ${status}\n${output}`);
  return { wallMs, peakMiB };
}

function peakOf(pid: number | undefined): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function startRegistry(store: string): Promise<{ readonly host: string; readonly daemon: Daemon }> {
  const host = `127.0.0.1:${await freePort()}`;
  const args = ['registry', 'serve', '--disk', store, '--address', host];
  const ready = async () => (await fetch(`http://${host}/v2/`)).ok;
  return { host, daemon: await startDaemon(enginePath('crane'), args, ready) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** An image layout with random layers, so that nobody gains by compressing them. */
async function writeLayout(path: string, count: number, size: number): Promise<string> {
  const blobs = join(path, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const layers: unknown[] = [];
  const ids: string[] = [];
  for (let number = 0; number < count; number++) {
    const digest = await writeLayer(blobs, size);
    ids.push(digest);
    layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size });
  }
  const put = (mediaType: string, document: unknown) => {
    const bytes = Buffer.from(JSON.stringify(document));
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const rootfs = { type: 'layers', diff_ids: ids };
  const config = put('application/vnd.oci.image.config.v1+json', { architecture: 'amd64', os: 'linux', rootfs });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers });
  const entry = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': TAG } };
  writeFileSync(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return path;
}

async function writeLayer(blobs: string, size: number): Promise<string> {
  const partial = join(blobs, 'partial');
  const hash = createHash('sha256');
  const handle = await open(partial, 'w');
  for (let written = 0; written < size; written += MIB) {
    const bytes = randomBytes(Math.min(MIB, size - written));
    hash.update(bytes);
    await handle.write(bytes);
  }
  await handle.close();
  const hex = hash.digest('hex');
  await rename(partial, join(blobs, hex));
  return `sha256:${hex}`;
}
