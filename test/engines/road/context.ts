import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { chooseIsolation } from '../../demo/isolation.js';
import { createProject } from '../../demo/project.js';
import { type Published, readPublished } from '../../demo/published.js';
import { release } from '../../demo/release.js';
import { openWorld, type World } from '../../demo/world.js';
import type { EngineName } from '../catalog.js';
import { type SigstoreInstance, startRealSigstore } from '../sigstore/real-sigstore.js';

const REPOSITORY = 'acme/example/tool';
export const IDENTITY = 'https://github.com/org/paved/.github/workflows/release-artifact.yml@refs/tags/v1';

/** One release of the example through the rendered workflow, sealed by Fulcio, Rekor v2 and a timestamp server built from source. */
export interface RoadContext {
  readonly world: World;
  readonly run: RunResult;
  readonly published: Published;
  /** `127.0.0.1:port/repository@digest`. */
  readonly image: string;
  readonly instance: SigstoreInstance;
  readonly engine: (name: EngineName) => string;
}

export async function startRoad(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: RoadContext; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-road-engines-'));
  const { isolation } = await chooseIsolation();
  let instance: (SigstoreInstance & { stop(): Promise<void> }) | undefined;
  const world = await openWorld({
    folder,
    isolation,
    sigstore: async (issuer) => {
      instance = await startRealSigstore(engine, issuer, join(folder, 'sigstore'));
      return { ...instance, close: instance.stop };
    },
  });
  const stop = async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (instance === undefined) throw new Error('Cannot start the road: no Sigstore instance was asked for');
    return { context: { ...(await releaseExample(world)), instance, engine }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function releaseExample(world: World): Promise<Omit<RoadContext, 'instance' | 'engine'>> {
  const { folder } = world;
  const inputs = { name: 'tool', version: '1.0.0', command: 'npm run build', 'output-path': 'dist' };
  const owner = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' };
  const caller = createProject(join(folder, 'caller'), { ...owner, source: 'examples/node-package', inputs });
  const run = await release(world, { caller });
  const published = readPublished(world, REPOSITORY, run.outputs.release?.digest ?? '', join(folder, 'published'));
  return { world, run, published, image: `${world.registryHost}/${REPOSITORY}@${published.digest}` };
}
