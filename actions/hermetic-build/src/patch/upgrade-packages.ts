import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageManifest } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import type { FetchedTool } from '@paved/runner-kit/fetch-tool';
import type { SandboxMethod } from '@paved/sandbox';
import type { BuildKitTools } from '../buildkit/find-tools.js';
import { unavailable } from '../buildkit/find-tools.js';
import { ATTEMPTS, retryLostDaemon } from '../buildkit/retry-lost-daemon.js';
import { startDaemon } from '../buildkit/start-daemon.js';
import { runCopa } from './copa.js';
import { imageRoutes, localReference } from './image-routes.js';
import type { MirrorTraffic } from './mirror-log.js';
import { startMirrorProxy } from './mirror-proxy.js';
import { patchFailed } from './patch-error.js';
import type { Mirror } from './patch-mirrors.js';
import { takePatchedImage } from './patched-image.js';

const MAX_NAMED = 10;

export interface Patcher {
  readonly tool: FetchedTool;
  readonly tools: BuildKitTools;
  readonly method: SandboxMethod;
  readonly workDir: string;
  readonly bundlePath: string;
  readonly timeoutMs: number;
}

/**
 * Upgrades the packages of one fetched image, with a daemon and a proxy that are gone when it returns.
 * `patched` is undefined when the mirrors have nothing newer.
 * @throws {HermeticBuildError} `IMAGE_PATCH_FAILED`, `BUILDKIT_UNAVAILABLE` when the daemon ended twice
 */
export async function upgradePackages(
  base: ImageManifest,
  mirrors: readonly Mirror[],
  patcher: Patcher,
  context: ActionContext,
): Promise<{ readonly patched: ImageManifest | undefined; readonly traffic: MirrorTraffic }> {
  const deadline = Date.now() + patcher.timeoutMs;
  const { archive, error, traffic, lastWords } = await retryLostDaemon(
    () => upgradeOnce(base, mirrors, { ...patcher, timeoutMs: deadline - Date.now() }, context),
    (words) => context.log.notice(`buildkitd ended during the patch, which starts once more; it said last: ${words}`),
  );
  // The request that was refused says more than what became of it.
  assertNotRefused(traffic, error);
  if (lastWords !== undefined) {
    throw unavailable(
      `buildkitd ended ${ATTEMPTS} times during the patch (${lastWords})`,
      'Look at the memory and the disk of the machine; the patch itself did not fail',
    );
  }
  assertReached(traffic, error);
  if (error !== undefined) throw error;
  if (archive === undefined) return { patched: undefined, traffic };
  const patched = await takePatchedImage(archive, base, `copa ${patcher.tool.version}`, patcher.bundlePath);
  await rm(archive);
  return { patched, traffic };
}

interface Upgrade {
  /** Absent when it failed, and when there was nothing to upgrade. */
  readonly archive?: string | undefined;
  readonly error?: unknown;
  readonly traffic: MirrorTraffic;
  /** What the daemon said last, when the work failed because it ended. */
  readonly lastWords?: string | undefined;
}

async function upgradeOnce(
  base: ImageManifest,
  mirrors: readonly Mirror[],
  { tool, tools, method, workDir, bundlePath, timeoutMs }: Patcher,
  context: ActionContext,
): Promise<Upgrade> {
  // The path of a socket may have 107 bytes only.
  const socketFolder = await mkdtemp(join(tmpdir(), 'paved-pp-'));
  const relayPath = join(socketFolder, 's');
  const routes = imageRoutes(base, bundlePath);
  const local = (message: IncomingMessage, response: ServerResponse) => void routes(message, response);
  const proxy = await startMirrorProxy({ mirrors, socket: relayPath, local });
  try {
    const daemon = await startDaemon({ tools, method, workDir, relayPath });
    const onOutput = (chunk: Buffer) => context.log.untrusted(chunk.toString('utf8'));
    const job = { copa: tool.path, daemon, method, workDir, reference: localReference(base), timeoutMs, onOutput };
    const work = context.log.group('Patch', () => runCopa(job));
    const outcome = await work.then(
      (archive) => ({ archive }),
      async (error: unknown) => ({ error, lastWords: await daemon.lastWords() }),
    );
    await daemon.stop();
    return { ...outcome, traffic: proxy.traffic() };
  } finally {
    await proxy.close();
    await rm(socketFolder, { recursive: true, force: true });
  }
}

/** What was not upgraded because a mirror is not on the list must not look as if there had been nothing to upgrade. */
function assertNotRefused({ refused }: MirrorTraffic, cause: unknown): void {
  if (refused.length === 0) return;
  const listed = refused.slice(0, MAX_NAMED).map(({ target, reason }) => `"${target}" (${reason})`);
  throw patchFailed(
    `it asked for what it may not reach: ${listed.join(', ')}`,
    'Add to patch-mirrors what you trust; take the other sources of packages out of the base',
    cause,
  );
}

function assertReached({ reached }: MirrorTraffic, cause: unknown): void {
  if (reached.length > 0) return;
  throw patchFailed(
    'no mirror answered',
    'Its package manager must know http_proxy, and its sources a mirror of the list',
    cause,
  );
}
