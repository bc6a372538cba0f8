import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type Fault, type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  buildBundleReferrer,
  buildPushReceipt,
  fallbackTag,
  listReferrers,
  type OciLayout,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  pushTags,
  type Referrer,
  RegistryClient,
  SIGSTORE_BUNDLE,
} from '../src/index.js';
import { assertTagsAllowed } from '../src/push-tags.js';
import { layoutOf } from './scratch.js';

const NAME = parseRepositoryName('octo/app');
const TAG = parseTag('1.0.0');
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function referrerOf(layout: OciLayout, predicateType: string): Referrer {
  const bundle = Buffer.from(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, dsseEnvelope: { payload: predicateType } }));
  const { mediaType, digest, bytes } = layout.root;
  return buildBundleReferrer({
    bundle,
    subject: { mediaType, digest, size: bytes.length },
    created: '2026-01-02T03:04:05Z',
    predicateType,
  });
}

async function release(registry: RegistryDouble, attempts = 4) {
  const layout = await layoutOf({ 'app.tar': 'the artifact' });
  const referrers = [referrerOf(layout, PROVENANCE), referrerOf(layout, 'https://cyclonedx.org/bom')];
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    retry: { attempts, baseDelayMs: 1, maxDelayMs: 5 },
    credentials: { kind: 'basic', ...registry.credentials },
  });
  closing.push(() => client.close());
  const repository = client.repository(NAME, 'push');
  const run = async () => {
    // One at a time, so that the requests have an order that can be enumerated.
    const content = await pushContent({ repository, layout, referrers, concurrency: 1 });
    await pushTags({ repository, manifest: layout.root, tags: [TAG] });
    return content;
  };
  return { layout, referrers, repository, run };
}

async function start(options: RegistryOptions): Promise<RegistryDouble> {
  const registry = await startRegistry(options);
  closing.push(registry.close);
  return registry;
}

const MODES: readonly (readonly [string, RegistryOptions, 'referrers-first' | 'manifest-first'])[] = [
  ['referrers API', {}, 'referrers-first'],
  ['fallback tag', { referrers: false }, 'referrers-first'],
  ['subject first', { acceptMissingSubject: false }, 'manifest-first'],
  ['fallback tag, subject first', { referrers: false, acceptMissingSubject: false }, 'manifest-first'],
  ['bearer', { auth: 'bearer' }, 'referrers-first'],
  ['immutable tags', { immutableTags: true }, 'referrers-first'],
];

describe.each(MODES)('%s', (_name, options, order) => {
  test('content, referrers and tag arrive in the order of the rule, and a rerun changes nothing', async () => {
    const registry = await start(options);
    const { layout, referrers, repository, run } = await release(registry);
    const content = await run();
    expect(content.order).toBe(order);
    if (order === 'referrers-first') expect(content.windowMs).toBe(0);
    else expect(content.windowMs).toBeGreaterThan(0);
    const puts = registry.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
    const position = (reference: string) =>
      puts.findIndex(({ path, status }) => path.endsWith(reference) && status === 201);
    const last = Math.max(...referrers.map(({ manifest }) => position(manifest.digest)));
    expect(position(layout.root.digest) > last).toBe(order === 'referrers-first');
    expect(position(`/${TAG}`)).toBe(puts.length - 1);
    const listed = await listReferrers(repository, layout.root.digest, SIGSTORE_BUNDLE);
    expect(listed.map(({ digest }) => digest).sort()).toEqual(referrers.map(({ manifest }) => manifest.digest).sort());
    expect(listed[0]?.annotations).toMatchObject({ 'dev.sigstore.bundle.content': 'dsse-envelope' });
    const before = registry.store.repository(NAME).manifests.size;
    const again = await run();
    expect(again.bytes.sent).toBe(0);
    expect(again.order).toBe('manifest-first');
    expect(registry.store.repository(NAME).manifests.size).toBe(before);
  });
});

test('the receipt names what was pushed and holds no credential', async () => {
  const registry = await start({ auth: 'bearer', credentials: { username: 'octo', password: 'canary-9a' } });
  const { layout, referrers, repository, run } = await release(registry);
  const content = await run();
  const receipt = buildPushReceipt({ repository, content, referrers, tags: [TAG], allowUnsigned: false });
  expect(receipt).toMatchObject({
    mediaType: 'application/vnd.paved.push-receipt.v1+json',
    registry: registry.host,
    repository: 'octo/app',
    digest: layout.root.digest,
    tags: ['1.0.0'],
    order: 'referrers-first',
    windowMs: 0,
    allowUnsigned: false,
  });
  expect(receipt.referrers.map(({ predicateType }) => predicateType)).toEqual([
    PROVENANCE,
    'https://cyclonedx.org/bom',
  ]);
  expect(JSON.stringify(receipt)).not.toContain('canary');
});

test('a registry that announces a subject and lists nothing gets the fallback tag, or is named', async () => {
  const registry = await start({
    onRequest: ({ path }) => (path.includes('/referrers/') ? { kind: 'status', status: 404 } : undefined),
  });
  const { layout, referrers, run } = await release(registry);
  await run();
  const tag = registry.store.repository(NAME).find(fallbackTag(layout.root.digest));
  expect(JSON.parse(String(tag?.bytes)).manifests).toHaveLength(referrers.length);

  const index = 'application/vnd.oci.image.index.v1+json';
  const body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] });
  const empty: Fault = { kind: 'reply', reply: { status: 200, headers: { 'content-type': index }, body } };
  const silent = await start({ onRequest: ({ path }) => (path.includes('/referrers/') ? empty : undefined) });
  await expect((await release(silent)).run()).rejects.toMatchObject({ code: 'READBACK_MISMATCH' });
  expect(silent.store.repository(NAME).tags.size).toBe(0);
});

test('entries of a concurrent writer survive in the fallback index', async () => {
  const registry = await start({
    referrers: false,
    onRequest: ({ method, path }) => {
      if (method === 'PUT' && path.endsWith(String(plannedTag)) && !planted) plant();
      return undefined;
    },
  });
  const { layout, run } = await release(registry);
  const plannedTag = fallbackTag(layout.root.digest);
  const foreign = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: sha256('f'), size: 1, 'x-own': 1 };
  let planted = false;
  function plant(): void {
    planted = true;
    const index = 'application/vnd.oci.image.index.v1+json';
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [foreign] }));
    const stored = registry.store.repository(NAME);
    const digest = sha256(bytes);
    stored.manifests.set(sha256('f'), {
      digest: sha256('f'),
      mediaType: foreign.mediaType,
      bytes: Buffer.from('f'),
      subject: undefined,
      artifactType: undefined,
      annotations: undefined,
    });
    stored.manifests.set(digest, {
      digest,
      mediaType: index,
      bytes,
      subject: undefined,
      artifactType: undefined,
      annotations: undefined,
    });
    stored.tags.set(plannedTag, digest);
  }
  await run();
  const { manifests } = JSON.parse(String(registry.store.repository(NAME).find(plannedTag)?.bytes));
  expect(manifests).toHaveLength(3);
  expect(manifests[0]).toEqual(foreign);
});

describe('tag rules', () => {
  test.each(['1.2.3', 'v1.2.3', '1.2.3-rc.1', '1.2.3-alpine', 'a'.repeat(40), 'sha-0123abc'])(
    '%s is a version',
    (tag) => {
      expect(() => assertTagsAllowed([parseTag(tag)], [])).not.toThrow();
    },
  );

  test.each(['latest', 'v1', '1.2', 'main', 'stable', '1.2.3.4.5x!'.slice(0, 3)])(
    '%s has to be asked for by name',
    (tag) => {
      expect(() => assertTagsAllowed([parseTag(tag)], [])).toThrow(expect.objectContaining({ code: 'TAG_REFUSED' }));
      expect(() => assertTagsAllowed([parseTag(tag)], [tag])).not.toThrow();
    },
  );

  test.each([`sha256-${'a'.repeat(64)}`, `sha256-${'a'.repeat(64)}.sig`])('%s belongs to the referrers', (tag) => {
    expect(() => assertTagsAllowed([parseTag(tag)], [tag])).toThrow(expect.objectContaining({ code: 'TAG_REFUSED' }));
  });
});

describe('bundles', () => {
  const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: sha256('s'), size: 1 };
  const created = '2026-01-02T03:04:05Z';

  test('a message signature is announced as one, and equal input gives an equal manifest', () => {
    const bundle = Buffer.from(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, messageSignature: {} }));
    const one = buildBundleReferrer({ bundle, subject, created });
    expect(JSON.parse(one.manifest.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: SIGSTORE_BUNDLE,
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        size: 2,
      },
      layers: [{ mediaType: SIGSTORE_BUNDLE, digest: sha256(bundle), size: bundle.length }],
      subject,
      annotations: {
        'org.opencontainers.image.created': created,
        'dev.sigstore.bundle.content': 'message-signature',
      },
    });
    expect(buildBundleReferrer({ bundle, subject, created }).manifest.digest).toBe(one.manifest.digest);
  });

  test.each([
    '{}',
    'x',
    JSON.stringify({ mediaType: SIGSTORE_BUNDLE }),
    JSON.stringify({ mediaType: SIGSTORE_BUNDLE, dsseEnvelope: {}, messageSignature: {} }),
  ])('%j is no bundle', (text) => {
    expect(() => buildBundleReferrer({ bundle: Buffer.from(text), subject, created })).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID' }),
    );
  });
});
