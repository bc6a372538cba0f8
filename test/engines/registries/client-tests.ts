import { sha256 } from '@paved/digest';
import {
  attachReferrers,
  bytesSource,
  describeBytes,
  listReferrers,
  OciError,
  parseRepositoryName,
  parseTag,
  pullBundles,
  pushContent,
  pushTags,
  type RepositoryClient,
  SIGSTORE_BUNDLE,
} from '@paved/oci';
import { expectThat } from '../suite.js';
import { release, withRepository } from './context.js';
import { sampleImage, sampleIndex, sampleReferrers } from './sample.js';

/** One behaviour of our client that every registry must show, whatever path it takes. */
export interface ClientTest {
  readonly name: string;
  run(host: string, repository: string): Promise<void>;
}

function test(name: string, body: (repository: RepositoryClient, host: string) => Promise<void>): ClientTest {
  return { name, run: (host, repository) => withRepository(host, repository, (client) => body(client, host)) };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'none',
    (error) => (error instanceof OciError ? error.code : String(error)),
  );
}

export const CLIENT_TESTS: readonly ClientTest[] = [
  test('a second push sends nothing', async (repository, host) => {
    const layout = sampleIndex('second');
    const referrers = sampleReferrers(layout.root, 2);
    const first = await release(repository, layout, referrers);
    expectThat('the first push sends', first.bytes.sent > 0);
    const again = await withRepository(host, repository.name, (other) => release(other, layout, referrers));
    expectThat('the second sends nothing', again.bytes.sent === 0, JSON.stringify(again.bytes));
  }),
  test('bundles come back byte for byte', async (repository) => {
    const layout = sampleImage('bundles');
    const referrers = sampleReferrers(layout.root, 5);
    await release(repository, layout, referrers);
    const { bundles, rejected } = await pullBundles(repository, layout.root.digest);
    const wanted = referrers.map(({ manifest }) => manifest.layers[0]?.digest).sort();
    const found = bundles.map(({ bytes }) => sha256(bytes)).sort();
    expectThat('all bundles are there', found.join() === wanted.join(), found.join());
    expectThat('none is rejected', rejected.length === 0);
  }),
  test('referrers are filtered by type', async (repository) => {
    const layout = sampleImage('filter');
    await release(repository, layout, sampleReferrers(layout.root, 3));
    const { digest } = layout.root;
    expectThat('all of the type', (await listReferrers(repository, digest, SIGSTORE_BUNDLE)).length === 3);
    expectThat('none of another', (await listReferrers(repository, digest, 'application/x-other')).length === 0);
  }),
  test('20 parallel attaches leave 20 referrers', async (repository, host) => {
    const layout = sampleImage('parallel');
    await release(repository, layout, []);
    const all = sampleReferrers(layout.root, 20);
    const attach = (referrer: (typeof all)[number]) =>
      withRepository(host, repository.name, (other) => attachReferrers(other, [referrer]), 100);
    await Promise.all(all.map(attach));
    const found = (await listReferrers(repository, layout.root.digest)).map(({ digest }) => digest).sort();
    const wanted = all.map(({ manifest }) => manifest.digest).sort();
    expectThat('20 entries', found.join() === wanted.join(), `${found.length} entries`);
  }),
  test('a tag that names another digest stays', async (repository) => {
    await release(repository, sampleImage('tag one'), []);
    const other = sampleImage('tag two');
    await pushContent({ repository, layout: other, referrers: [] });
    const tags = [parseTag('1.0.0')];
    const moved = await codeOf(pushTags({ repository, manifest: other.root, tags }));
    expectThat('it is refused', moved === 'TAG_EXISTS', moved);
    const [pushed] = await pushTags({ repository, manifest: other.root, tags, moveTag: true });
    expectThat('it moves when asked', pushed?.outcome === 'moved', pushed?.outcome);
  }),
  test('a layer is mounted, or sent where the registry mounts nothing', async (repository, host) => {
    const layout = sampleImage('mount');
    const source = `${repository.name}-base`;
    await withRepository(host, source, (other) => release(other, layout, []));
    const mountFrom = parseRepositoryName(source);
    const { bytes } = await pushContent({ repository, layout, referrers: [], mountFrom });
    expectThat('no byte is left out', bytes.mounted + bytes.sent + bytes.present > 1024, JSON.stringify(bytes));
    await release(repository, layout, []);
  }),
  test('content that is not what its digest says never arrives', async (repository) => {
    const bytes = Buffer.from('the content');
    const descriptor = describeBytes('application/octet-stream', bytes);
    const wrong = bytesSource(descriptor, Buffer.from('the contenT'));
    const code = await codeOf(repository.pushBlob(wrong));
    expectThat('it is refused', code === 'DIGEST_MISMATCH', code);
    expectThat('it is not there', !(await repository.hasBlob(descriptor)));
  }),
];
