import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Digest, digestHex, parseDigest, sha256 } from '@paved/digest';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '@paved/oci';
import { type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import { namedFiles } from '../src/named-files.js';
import { type Job, ROAD_SLOTS, type Seal, startJob, startSeal } from './scenario.js';

const NAME = 'octo/app';
let seal: Seal;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  seal = await startSeal();
});
afterAll(() => seal.close());
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: RegistryOptions = {}): Promise<{ job: Job; registry: RegistryDouble }> {
  const [job, registry] = [await startJob(), await startRegistry(options)];
  closing.push(() => job.dispose(), registry.close);
  return { job, registry };
}

async function layoutOf(job: Job): Promise<{ digest: Digest; path: string }> {
  const outputs = await job.push({ mode: 'layout', files: job.files });
  return { digest: parseDigest(outputs.digest ?? ''), path: outputs['layout-path'] ?? '' };
}

function at(registry: RegistryDouble, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { registry: registry.host, repository: NAME, ...seal.identity, ...more };
}

async function receiptOf(path: string | undefined): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path ?? '', 'utf8')) as Record<string, unknown>;
}

describe('the road: layout, content, tag', () => {
  test('content goes by digest with its referrers, the tag comes with the last evidence', async () => {
    const { job, registry } = await start();
    const layout = await layoutOf(job);
    expect(registry.requests).toEqual([]);
    const bundles = await seal.bundlesFor(job.temp, [layout.digest], ROAD_SLOTS);
    const common = { 'layout-path': layout.path, digest: layout.digest };
    const content = await job.push(at(registry, { mode: 'content', ...common, 'bundles-path': bundles }));
    const stored = registry.store.repository(NAME);
    expect(stored.tags.size).toBe(0);
    expect(content).toMatchObject({ digest: layout.digest, reference: `${registry.host}/${NAME}@${layout.digest}` });
    expect(await receiptOf(content['receipt-path'])).toMatchObject({ order: 'referrers-first', windowMs: 0, tags: [] });
    expect(stored.referrersOf(layout.digest)).toHaveLength(3);

    const vsa = await seal.bundlesFor(job.temp, [layout.digest], ['vsa']);
    const tagged = await job.push(
      at(registry, { mode: 'tag', ...common, 'bundles-path': `${bundles}\n${vsa}`, tags: '1.0.0\n1.0.0' }),
    );
    expect([...stored.tags]).toEqual([['1.0.0', layout.digest]]);
    expect(stored.referrersOf(layout.digest)).toHaveLength(4);
    const receipt = await receiptOf(tagged['receipt-path']);
    expect(receipt).toMatchObject({ digest: layout.digest, tags: ['1.0.0'], allowUnsigned: false });
    expect(receipt).not.toHaveProperty('order');
    expect(job.summary()).toContain('1.0.0');
    expect(await job.events()).toMatchObject([{ event: 'pushed' }, { event: 'tagged', referrers: 4 }]);
  });

  test('all in one step, with names of the files relative to their folder', async () => {
    const { job, registry } = await start({ auth: 'bearer' });
    const { digest } = await layoutOf(job);
    const bundles = await seal.bundlesFor(job.temp, [digest], ROAD_SLOTS);
    const config = join(job.temp, 'config.json');
    const auth = Buffer.from(`${registry.credentials.username}:${registry.credentials.password}`).toString('base64');
    await writeFile(config, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const inputs = { files: job.files, tags: '1.0.0', 'bundles-path': bundles, 'registry-config': config };
    expect((await job.push(at(registry, inputs))).digest).toBe(digest);
    const manifest = JSON.parse(String(registry.store.repository(NAME).find('1.0.0')?.bytes));
    const titles = manifest.layers.map(
      (layer: { annotations: Record<string, string> }) => Object.values(layer.annotations)[0],
    );
    expect(titles).toEqual(['app.tar', 'bin/app', 'bin/tool']);
    expect([...job.lines, job.summary()].join('\n')).not.toContain(registry.credentials.password);
  });

  test('a tag is refused when the registry has lost or changed what was pushed', async () => {
    const { job, registry } = await start();
    const layout = await layoutOf(job);
    const bundles = await seal.bundlesFor(job.temp, [layout.digest], ROAD_SLOTS);
    const inputs = at(registry, { mode: 'tag', 'layout-path': layout.path, 'bundles-path': bundles, tags: '1.0.0' });
    await expect(job.push(inputs)).rejects.toMatchObject({ code: 'READBACK_MISMATCH' });
    expect(registry.store.repository(NAME).tags.size).toBe(0);
  });
});

describe('no tag without evidence', () => {
  async function attempt(
    slots: readonly (typeof ROAD_SLOTS)[number][],
    more: Record<string, string> = {},
    subject?: Digest,
  ) {
    const { job, registry } = await start();
    const { digest } = await layoutOf(job);
    const bundles = await seal.bundlesFor(job.temp, [subject ?? digest], slots);
    const pushing = job.push(at(registry, { files: job.files, tags: '1.0.0', 'bundles-path': bundles, ...more }));
    return { job, registry, pushing };
  }

  test('provenance of a rehearsal is not attached, even where no signature is required', async () => {
    const { job, registry } = await start();
    const { digest } = await layoutOf(job);
    const marked = { runDetails: { builder: { id: 'https://github.com/org/paved#rehearsal' } } };
    const bundles = await seal.bundlesFor(job.temp, [digest], ROAD_SLOTS, undefined, marked);
    const texts = { files: job.files, tags: '1.0.0', 'bundles-path': bundles, 'allow-unsigned': 'true' };
    await expect(job.push(at(registry, texts))).rejects.toMatchObject({ code: 'REHEARSAL_REFUSED' });
    expect(registry.store.repository(NAME).tags.size).toBe(0);
  });

  test('all that is required: a tag (control)', async () => {
    const { registry, pushing } = await attempt(ROAD_SLOTS);
    await pushing;
    expect(registry.store.repository(NAME).tags.size).toBe(1);
  });

  test.each<[string, readonly (typeof ROAD_SLOTS)[number][], Record<string, string>, Digest | undefined, string]>([
    ['no SBOM', ['provenance'], {}, undefined, 'EVIDENCE_MISSING'],
    ['no provenance', ['signature', 'sbom-spdx'], {}, undefined, 'EVIDENCE_MISSING'],
    ['no verdict', ROAD_SLOTS, { require: 'verdict' }, undefined, 'EVIDENCE_MISSING'],
    ['bundles of another artifact', ROAD_SLOTS, {}, sha256('other'), 'EVIDENCE_MISSING'],
    ['an unknown requirement', ROAD_SLOTS, { require: '__proto__' }, undefined, 'PUSH_INPUT_INVALID'],
    ['no bundles', ROAD_SLOTS, { 'bundles-path': '' }, undefined, 'EVIDENCE_MISSING'],
    ['no trusted root', ROAD_SLOTS, { 'trusted-root': '' }, undefined, 'PUSH_INPUT_INVALID'],
    ['no identity', ROAD_SLOTS, { 'repository-id': '' }, undefined, 'PUSH_INPUT_INVALID'],
    [
      'another workflow',
      ROAD_SLOTS,
      { 'workflow-path': 'org/evil/.github/workflows/a.yml' },
      undefined,
      'WORKFLOW_MISMATCH',
    ],
    ['another commit of it', ROAD_SLOTS, { 'signer-digests': 'd'.repeat(40) }, undefined, 'SIGNER_DIGEST_MISMATCH'],
    ['another repository', ROAD_SLOTS, { 'repository-id': '1' }, undefined, 'REPOSITORY_MISMATCH'],
    ['another ref', ROAD_SLOTS, { 'source-ref': 'refs/heads/topic' }, undefined, 'REF_MISMATCH'],
  ])('%s', async (_name, slots, more, subject, code) => {
    const { registry, pushing } = await attempt(slots, more, subject);
    await expect(pushing).rejects.toMatchObject({ code });
    expect(registry.requests).toEqual([]);
  });

  test('allow-unsigned tags, and the receipt says it', async () => {
    const { registry, pushing, job } = await attempt(['provenance'], { 'bundles-path': '', 'allow-unsigned': 'true' });
    expect(await receiptOf((await pushing)['receipt-path'])).toMatchObject({ allowUnsigned: true, referrers: [] });
    expect(registry.store.repository(NAME).tags.size).toBe(1);
    expect(job.lines.join('\n')).toContain('::warning::');
  });

  test('a changed bundle, one that the index does not describe and one with a changed statement are refused', async () => {
    const { job, registry } = await start();
    const { digest } = await layoutOf(job);
    const inputs = (bundles: string) => at(registry, { files: job.files, tags: '1.0.0', 'bundles-path': bundles });
    const changed = await seal.bundlesFor(job.temp, [digest], ROAD_SLOTS);
    const path = join(changed, 'provenance.sigstore.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, `${text} `);
    await expect(job.push(inputs(changed))).rejects.toMatchObject({ code: 'BUNDLE_DIGEST_MISMATCH' });

    const bundle = JSON.parse(text);
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64')
      .toString()
      .replace('"provenance"', '"provenancE"');
    bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64');
    const forged = JSON.stringify(bundle);
    await writeFile(path, forged);
    const indexPath = join(changed, 'index.json');
    const index = (await readFile(indexPath, 'utf8')).replace(sha256(text), sha256(forged));
    await writeFile(indexPath, index);
    await expect(job.push(inputs(changed))).rejects.toMatchObject({
      code: expect.stringMatching(/^(SIGNATURE_INVALID|LOG_ENTRY_MISMATCH)$/),
    });
    await writeFile(indexPath, index.replace('provenance.sigstore.json', '../../secret.json'));
    await expect(job.push(inputs(changed))).rejects.toMatchObject({ code: 'BUNDLES_INVALID' });
    expect(registry.requests).toEqual([]);
  });

  test('every child of an index needs the evidence, and gets its referrers', async () => {
    const { job, registry } = await start();
    const { digest: child, path } = await layoutOf(job);
    const size = (await readFile(join(path, 'blobs/sha256', digestHex(child)))).length;
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ mediaType: OCI_MANIFEST, digest: child, size }],
    });
    const root = sha256(index);
    await writeFile(join(path, 'blobs/sha256', digestHex(root)), index);
    const entry = { mediaType: OCI_INDEX, digest: root, size: index.length };
    await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    const inputs = (bundles: string) => at(registry, { 'layout-path': path, tags: '1.0.0', 'bundles-path': bundles });
    const rootOnly = await seal.bundlesFor(job.temp, [root], ROAD_SLOTS);
    await expect(job.push(inputs(rootOnly))).rejects.toMatchObject({
      code: 'EVIDENCE_MISSING',
      message: expect.stringContaining(child),
    });
    await job.push(inputs(await seal.bundlesFor(job.temp, [root, child], ROAD_SLOTS)));
    const stored = registry.store.repository(NAME);
    expect([stored.referrersOf(root).length, stored.referrersOf(child).length]).toEqual([3, 3]);
    expect(stored.tags.get('1.0.0')).toBe(root);
  });
});

describe('tags that are immutable', () => {
  async function attempt(options: RegistryOptions, immutable: string) {
    const { job, registry } = await start({ immutableTags: true, ...options });
    const { digest } = await layoutOf(job);
    const bundles = await seal.bundlesFor(job.temp, [digest], ROAD_SLOTS);
    const inputs = { files: job.files, tags: '1.0.0', 'bundles-path': bundles, 'immutable-tags': immutable };
    return { registry, pushing: job.push(at(registry, inputs)) };
  }

  test('and no referrers API: a named error, and nothing was sent', async () => {
    const { registry, pushing } = await attempt({ referrers: false }, 'true');
    await expect(pushing).rejects.toMatchObject({ code: 'REFERRERS_IMMUTABLE_TAG' });
    expect(registry.requests.map(({ method }) => method)).toEqual(['GET']);
    expect(registry.store.has(NAME)).toBe(false);
  });

  test('and the referrers API: a tag (control)', async () => {
    const { registry, pushing } = await attempt({}, 'true');
    await pushing;
    expect(registry.store.repository(NAME).tags.size).toBe(1);
  });

  test('unsaid: the first index is one PUT, which immutable tags do allow', async () => {
    const { registry, pushing } = await attempt({ referrers: false }, 'false');
    await pushing;
    expect(registry.store.repository(NAME).tags.has('1.0.0')).toBe(true);
  });
});

describe('inputs that lead somewhere else', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a host in the repository', { repository: 'evil.example/octo/app' }, 'REGISTRY_NOT_ALLOWED'],
    ['a host and port in the repository', { repository: 'evil:443/app' }, 'REGISTRY_NOT_ALLOWED'],
    ['user info in the repository', { repository: 'u@evil/app' }, 'REGISTRY_NOT_ALLOWED'],
    ['a tag in the repository', { repository: 'octo/app:1.0.0' }, 'REGISTRY_NOT_ALLOWED'],
    ['a reference as tag', { tags: 'evil.example/octo/app:1.0.0' }, 'REGISTRY_NOT_ALLOWED'],
    ['a path in the registry', { registry: 'ghcr.io/octo' }, 'REFERENCE_INVALID'],
    ['two registries', { registry: 'ghcr.io\nevil.example' }, 'REFERENCE_INVALID'],
    ['a scheme in the registry', { registry: 'http://ghcr.io' }, 'REFERENCE_INVALID'],
    ['a host in mount-from', { 'mount-from': 'evil.example/app' }, 'REGISTRY_NOT_ALLOWED'],
    ['latest', { tags: 'latest' }, 'TAG_REFUSED'],
    ['a moving version', { tags: '1.0.0\nv1' }, 'TAG_REFUSED'],
    ['the tag of the referrers', { tags: `sha256-${'a'.repeat(64)}` }, 'TAG_REFUSED'],
    ['a tag in mode content', { mode: 'content' }, 'PUSH_INPUT_INVALID'],
    ['no tag in mode tag', { mode: 'tag', tags: '' }, 'PUSH_INPUT_INVALID'],
    ['no registry', { registry: '' }, 'PUSH_INPUT_INVALID'],
    ['files and a layout', { 'layout-path': 'LAYOUT' }, 'PUSH_INPUT_INVALID'],
    ['another digest', { digest: sha256('x') }, 'LAYOUT_INVALID'],
    ['a broken annotation', { annotations: 'novalue' }, 'PUSH_INPUT_INVALID'],
  ])('%s is refused before any request', async (_name, more, code) => {
    const { job, registry } = await start();
    const { path } = await layoutOf(job);
    const texts = { files: job.files, tags: '1.0.0', 'allow-unsigned': 'true', ...more };
    const given = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.replace('LAYOUT', path)]));
    await expect(job.push(at(registry, given))).rejects.toMatchObject({ code });
    expect(registry.requests).toEqual([]);
  });

  test('latest passes when it is named, and upper case of the repository is lowered', async () => {
    const { job, registry } = await start();
    const more = {
      files: job.files,
      tags: 'latest',
      'allow-tags': 'latest',
      'allow-unsigned': 'true',
      repository: 'Octo/App',
    };
    await job.push(at(registry, more));
    expect([...registry.store.repository(NAME).tags.keys()]).toEqual(['latest']);
  });
});

test('names are relative to the deepest common folder', () => {
  const names = (...paths: string[]) => namedFiles(paths).map(({ name }) => name);
  expect(names('/w/out/a', '/w/out/b/c')).toEqual(['a', 'b/c']);
  expect(names('/w/out/x/a', '/w/out/x/b')).toEqual(['a', 'b']);
  expect(names('/w/ab/c', '/w/a/c')).toEqual(['ab/c', 'a/c']);
  expect(names('/w/out/only')).toEqual(['only']);
});

test('a Docker manifest under an OCI descriptor is refused', async () => {
  const { job, registry } = await start();
  const { digest, path } = await layoutOf(job);
  const index = await readFile(join(path, 'index.json'), 'utf8');
  await writeFile(join(path, 'index.json'), index.replaceAll(OCI_MANIFEST, DOCKER_MANIFEST));
  await expect(job.push(at(registry, { mode: 'content', 'layout-path': path, digest }))).rejects.toMatchObject({
    code: 'MANIFEST_AMBIGUOUS',
  });
});
