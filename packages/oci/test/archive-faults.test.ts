import { afterEach, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type Fault, type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  buildIndex,
  type Content,
  openLayout,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  pushTagPlan,
  RegistryClient,
} from '../src/index.js';
import { layoutOf, membersOf, tarOf } from './scratch.js';

const NAME = parseRepositoryName('octo/app');
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function dockerArchive(architecture: string): Promise<Content> {
  const layer = `layer for ${architecture}`;
  const config = JSON.stringify({ os: 'linux', architecture, rootfs: { diff_ids: [sha256(layer)] } });
  const manifest = JSON.stringify([{ Config: 'c', Layers: ['l'] }]);
  const path = await tarOf([
    [{ name: 'c' }, config],
    [{ name: 'l' }, layer],
    [{ name: 'manifest.json' }, manifest],
  ]);
  return await openLayout(path, { blobs: 'when-read' });
}

const SOURCES: readonly (readonly [string, () => Promise<Content>])[] = [
  ['docker-archive', () => dockerArchive('amd64')],
  ['index', async () => buildIndex([await dockerArchive('amd64'), await dockerArchive('arm64')])],
  [
    'tar',
    async () => openLayout(await tarOf(await membersOf((await layoutOf({ a: 'one' })).path)), { blobs: 'when-read' }),
  ],
];

const FAULTS: readonly Fault[] = [
  { kind: 'drop' },
  { kind: 'drop-answer' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
  { kind: 'truncate' },
  { kind: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } },
];

async function start(options: RegistryOptions): Promise<RegistryDouble> {
  const registry = await startRegistry(options);
  closing.push(registry.close);
  return registry;
}

/** Tags on every manifest, the root's last. */
async function push(registry: RegistryDouble, layout: Content): Promise<void> {
  const retry = { attempts: 4, baseDelayMs: 1, maxDelayMs: 5 };
  const client = new RegistryClient({ registry: parseRegistryHost(registry.host), retry });
  const repository = client.repository(NAME, 'push');
  const plan = layout.manifests.map((manifest, position) => ({ manifest, tag: parseTag(`1.0.${position}`) }));
  try {
    await pushContent({ repository, layout, referrers: [], concurrency: 1 });
    await pushTagPlan(repository, plan, false);
  } finally {
    client.close();
  }
}

test.each(SOURCES)('a fault at every request of a push from %s', async (_name, open) => {
  const layout = await open();
  const quiet = await start({});
  await push(quiet, layout);
  const total = quiet.requests.length;
  expect(total).toBeGreaterThan(8);
  for (const fault of FAULTS) {
    for (let at = 0; at < total; at++) {
      let healed = false;
      const registry = await start({ onRequest: ({ index }) => (!healed && index === at ? fault : undefined) });
      await push(registry, layout).catch((error) => expect(error).toHaveProperty('code'));
      const stored = registry.store.repository(NAME);
      for (const [digest, bytes] of stored.blobs) expect(sha256(bytes)).toBe(digest);
      for (const digest of stored.tags.values()) expect(stored.manifests.has(digest)).toBe(true);
      healed = true;
      await push(registry, layout);
      expect(stored.tags.get(`1.0.${layout.manifests.length - 1}`)).toBe(layout.root.digest);
      for (const { descriptor } of layout.blobs) expect(stored.blobs.has(descriptor.digest)).toBe(true);
    }
  }
});
