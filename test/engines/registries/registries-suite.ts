import type { Digest } from '@paved/digest';
import { attachReferrers, pushContent } from '@paved/oci';
import { startRegistry } from '@paved/testkit';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { CLIENT_TESTS } from './client-tests.js';
import { type RegistriesContext, release, serverOf, startContext, withRepository } from './context.js';
import { evilArchives, layoutFixtures, openFixture } from './fixtures.js';
import { discoverWithOras, PULLERS, type PullerName, pullWith, treeOfCosign } from './pullers.js';
import { sampleImage, sampleIndex, sampleReferrers } from './sample.js';
import { SERVERS, type ServerName } from './servers.js';

type Test = EngineTest<RegistriesContext>;

const SAMPLES = { image: sampleImage, index: sampleIndex } as const;

function pulls(name: ServerName, puller: PullerName): Test {
  return {
    name: `${name}: ${puller} pulls an image and an index with equal digests, by tag and by digest`,
    async run(context) {
      const { host } = serverOf(context, name);
      for (const [kind, build] of Object.entries(SAMPLES)) {
        const repository = `pulls/${puller}-${kind}`;
        const layout = build(repository);
        const referrers = sampleReferrers(layout.root, 2);
        await withRepository(host, repository, (client) => release(client, layout, referrers));
        for (const reference of [':1.0.0', `@${layout.root.digest}`]) {
          const digest = await pullWith(context, puller, `${host}/${repository}${reference}`);
          expectThat(`${kind}${reference} is what was pushed`, digest === layout.root.digest, digest);
        }
      }
    },
  };
}

function lists(name: ServerName): Test {
  return {
    name: `${name}: oras discover and cosign tree list every referrer, also those that came later`,
    async run(context) {
      const { host } = serverOf(context, name);
      const layout = sampleImage('lists');
      const referrers = sampleReferrers(layout.root, 5);
      await withRepository(host, 'lists/image', (client) => release(client, layout, referrers.slice(0, 3)));
      await withRepository(host, 'lists/image', (client) => attachReferrers(client, referrers.slice(3)));
      const reference = `${host}/lists/image@${layout.root.digest}`;
      const wanted = referrers.map(({ manifest }) => manifest.digest).sort();
      const found = [...(await discoverWithOras(context, reference))].sort();
      expectThat('oras discover lists them, each once', found.join() === wanted.join(), found.join('\n'));
      const tree = await treeOfCosign(context, reference);
      const unseen = wanted.filter((digest) => !tree.includes(digest));
      expectThat('cosign tree lists them', unseen.length === 0, tree);
      const other = sampleImage('lists nothing');
      await withRepository(host, 'lists/other', (client) => release(client, other, []));
      const none = await discoverWithOras(context, `${host}/lists/other@${other.root.digest}`);
      expectThat('and none of an image that has none', none.length === 0, none.join());
    },
  };
}

function client(name: ServerName): readonly Test[] {
  return CLIENT_TESTS.map((test, index) => ({
    name: `${name}: ${test.name}`,
    run: (context) => test.run(serverOf(context, name).host, `client/test-${index}`),
  }));
}

function layouts(name: ServerName): Test {
  return {
    name: `${name}: every layout and docker archive has its expected outcome, and oras pulls what was pushed`,
    async run(context) {
      const { host } = serverOf(context, name);
      // Roots of one layout share a repository, as they share the layout: oras copies the subject of a referrer with it.
      const repositories = new Map<string, string>();
      const pushed: { readonly repository: string; readonly digest: Digest }[] = [];
      for (const fixture of await layoutFixtures()) {
        const layout = await openFixture(fixture);
        if (layout === undefined) continue;
        const repository = repositories.get(fixture.path) ?? `layouts/fixture-${repositories.size}`;
        repositories.set(fixture.path, repository);
        await withRepository(host, repository, (target) => pushContent({ repository: target, layout, referrers: [] }));
        pushed.push({ repository, digest: layout.root.digest });
      }
      expectThat('most of them were pushed', pushed.length > 20, String(pushed.length));
      for (const { repository, digest } of pushed) {
        const pulled = await pullWith(context, 'oras', `${host}/${repository}@${digest}`);
        expectThat(`${digest} came back`, pulled === digest, pulled);
      }
    },
  };
}

const evil: Test = {
  name: 'every evil archive is refused before the first byte',
  async run() {
    const registry = await startRegistry();
    try {
      let refused = 0;
      for (const fixture of await evilArchives()) {
        const layout = await openFixture(fixture);
        if (layout === undefined) refused++;
      }
      expectThat('there are archives to refuse', refused > 15, String(refused));
      expectThat('the registry heard nothing', registry.requests.length === 0);
    } finally {
      await registry.close();
    }
  },
};

/** Each program must notice one changed byte, or its agreement means nothing. */
const negative: readonly Test[] = PULLERS.map((puller) => ({
  name: `${puller} refuses a layer with one changed byte`,
  async run(context) {
    const registry = await startRegistry();
    try {
      const layout = sampleImage('negative');
      await withRepository(registry.host, 'negative/image', (target) => release(target, layout, []));
      const stored = registry.store.repository('negative/image');
      const layer = layout.blobs.at(-1)?.descriptor.digest ?? '';
      stored.blobs.set(layer, Buffer.from(stored.blobs.get(layer) ?? []).fill(1, 0, 1));
      const outcome = await pullWith(context, puller, `${registry.host}/negative/image:1.0.0`).then(
        () => 'accepted',
        () => 'refused',
      );
      expectThat('it is refused', outcome === 'refused');
    } finally {
      await registry.close();
    }
  },
}));

const WITH_FIXTURES: readonly ServerName[] = ['crane registry', 'distribution', 'double as plain'];

export const registriesSuite = defineSuite<RegistriesContext>({
  engines: ['crane', 'oras', 'cosign', 'distribution'],
  start: startContext,
  tests: [
    evil,
    ...negative,
    ...SERVERS.flatMap((name) => [...PULLERS.map((puller) => pulls(name, puller)), lists(name), ...client(name)]),
    ...WITH_FIXTURES.map(layouts),
  ],
});
