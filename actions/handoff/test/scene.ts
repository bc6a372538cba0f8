import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import type { ArtifactService, ListedArtifact } from '@paved/handoff';
import { type TestContext, type TestContextOptions, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

export type Texts = Readonly<Record<string, string>>;

export interface HandoffScene extends TestContext {
  /** File that the service holds for an id. */
  stored(id: string): string;
  start(texts: Texts): ReturnType<typeof run>;
}

/** A job with `out/a.txt` in its workspace, and an artifact service that is a folder. */
export async function openScene(facts: TestContextOptions['facts'] = {}): Promise<HandoffScene> {
  const scene = await testContext({ action: 'handoff', facts });
  const store = join(scene.temp, 'store');
  await mkdir(store);
  const service = folderService(store);
  await mkdir(join(scene.workspace, 'out'));
  await writeFile(join(scene.workspace, 'out', 'a.txt'), 'hello');
  return {
    ...scene,
    stored: (id) => join(store, id),
    start: async (texts) => await run(await scene.inputs(definition, texts), scene.context, service),
  };
}

function folderService(store: string): ArtifactService {
  let next = 1;
  const listed: ListedArtifact[] = [];
  return {
    async upload(path) {
      const id = next++;
      await copyFile(path, join(store, String(id)));
      listed.push({ id, name: basename(path), sha256: digestHex(sha256(await readFile(path))) });
      return { id, sha256: undefined };
    },
    async list() {
      return listed;
    },
    async download(id, folder) {
      await mkdir(folder);
      await copyFile(join(store, String(id)), join(folder, 'raw'));
      return join(folder, 'raw');
    },
  };
}
