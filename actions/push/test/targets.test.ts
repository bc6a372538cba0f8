import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseDigest, sha256 } from '@paved/digest';
import { type Fault, type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import { pack } from 'tar-stream';
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

async function registry(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const started = await startRegistry(options);
  closing.push(started.close);
  return started;
}

async function job(): Promise<Job> {
  const started = await startJob();
  closing.push(() => started.dispose());
  return started;
}

async function documentOf(path: string | undefined): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path ?? '', 'utf8')) as Record<string, unknown>;
}

/** What docker save would write for one platform. */
async function imageTar(work: Job, architecture: string, variant?: string): Promise<string> {
  const layer = `layer for ${architecture}`;
  const config = JSON.stringify({ os: 'linux', architecture, variant, rootfs: { diff_ids: [sha256(layer)] } });
  const archive = pack();
  archive.entry({ name: 'c.json' }, config);
  archive.entry({ name: 'l.tar' }, layer);
  archive.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: 'c.json', Layers: ['l.tar'] }]));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = join(work.workspace, `${architecture}${variant ?? ''}.tar`);
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

const DENY: (request: { readonly method: string }) => Fault | undefined = ({ method }) =>
  method === 'PUT' ? { kind: 'status', status: 403 } : undefined;

describe('several targets', () => {
  async function push(mustSucceed: string, broken: RegistryOptions, more: Record<string, string> = {}) {
    const [work, one, other] = [await job(), await registry(), await registry(broken)];
    const targets = `${one.host}/${NAME}\n${other.host}/mirror/app`;
    const inputs = { files: work.files, targets, tags: '1.0.0', 'allow-unsigned': 'true', 'must-succeed': mustSucceed };
    return { work, one, other, pushing: work.push({ ...inputs, ...more }) };
  }

  test('all get content and tag, each with its receipt', async () => {
    const { work, one, other, pushing } = await push('all', {});
    const outputs = await pushing;
    expect(outputs.references?.split('\n')).toEqual([
      `${one.host}/${NAME}@${outputs.digest}`,
      `${other.host}/mirror/app@${outputs.digest}`,
    ]);
    expect(one.store.repository(NAME).tags.get('1.0.0')).toBe(outputs.digest);
    expect(other.store.repository('mirror/app').tags.get('1.0.0')).toBe(outputs.digest);
    expect(await documentOf(outputs['receipts-path'])).toMatchObject({
      mediaType: 'application/vnd.paved.push-receipts.v1+json',
      mustSucceed: 2,
      targets: [{ outcome: 'pushed' }, { outcome: 'pushed', receipt: { registry: other.host, tags: ['1.0.0'] } }],
    });
    expect(await documentOf(outputs['receipt-path'])).toMatchObject({ registry: one.host });
    expect(work.summary()).toContain('mirror/app');
  });

  test('one fails: with all, no target is tagged', async () => {
    const { one, other, pushing } = await push('all', { onRequest: DENY });
    await expect(pushing).rejects.toMatchObject({
      code: 'TARGETS_FAILED',
      message: expect.stringContaining('mirror/app'),
    });
    expect([one.store.repository(NAME).tags.size, other.store.repository('mirror/app').tags.size]).toEqual([0, 0]);
    expect(one.store.repository(NAME).manifests.size).toBe(1);
  });

  test.each(['any', '1'])('one fails: with %s, the other is tagged, and the failure is told', async (mustSucceed) => {
    const { work, one, pushing } = await push(mustSucceed, { onRequest: DENY });
    const outputs = await pushing;
    expect(outputs.references).toBe(`${one.host}/${NAME}@${outputs.digest}`);
    expect(await documentOf(outputs['receipts-path'])).toMatchObject({
      targets: [{ outcome: 'pushed' }, { outcome: 'failed', code: 'REGISTRY_REFUSED' }],
    });
    expect(work.lines.join('\n')).toContain('::warning::');
  });

  test('a tag that another digest has fails its own target', async () => {
    const { one, other, pushing } = await push('all', {});
    await pushing;
    const work = await job();
    await writeFile(join(work.workspace, 'out/app.tar'), 'another archive');
    one.store.repository(NAME).tags.delete('1.0.0');
    const targets = `${one.host}/${NAME}\n${other.host}/mirror/app`;
    const inputs = { files: work.files, targets, tags: '1.0.0', 'allow-unsigned': 'true', 'must-succeed': 'any' };
    const outputs = await work.push(inputs);
    expect(await documentOf(outputs['receipts-path'])).toMatchObject({ targets: [{}, { code: 'TAG_EXISTS' }] });
  });

  test.each([
    ['a target with a tag', { targets: 'ghcr.io/octo/app:1.0.0' }, 'PUSH_INPUT_INVALID'],
    ['a target without a registry', { targets: 'octo/app' }, 'REFERENCE_INVALID'],
    ['a host in the repository', { targets: 'ghcr.io/evil.example/app' }, 'REGISTRY_NOT_ALLOWED'],
    ['targets beside a registry', { registry: 'ghcr.io' }, 'PUSH_INPUT_INVALID'],
    ['more than there are', { 'must-succeed': '3' }, 'PUSH_INPUT_INVALID'],
    ['none', { 'must-succeed': '0' }, 'PUSH_INPUT_INVALID'],
    ['a word', { 'must-succeed': 'most' }, 'PUSH_INPUT_INVALID'],
  ])('%s is refused before any request', async (_name, more, code) => {
    const { one, other, pushing } = await push('all', {}, more);
    await expect(pushing).rejects.toMatchObject({ code });
    expect([one.requests, other.requests]).toEqual([[], []]);
  });
});

describe('an index of several layouts', () => {
  async function push(more: Record<string, string>, paths?: (work: Job) => Promise<string>) {
    const [work, target] = [await job(), await registry()];
    const layouts =
      paths === undefined
        ? `${await imageTar(work, 'amd64')}\n${await imageTar(work, 'arm', 'v7')}`
        : await paths(work);
    const inputs = { 'layout-path': layouts, registry: target.host, repository: NAME, 'allow-unsigned': 'true' };
    return { work, target, pushing: work.push({ ...inputs, ...more }) };
  }

  test('default tags: the version for the index, version and architecture for each image; the index last', async () => {
    const { target, pushing } = await push({ version: '1.0.0' });
    const { digest } = await pushing;
    const { tags } = target.store.repository(NAME);
    expect([...tags.keys()]).toEqual(['1.0.0-amd64', '1.0.0-armv7', '1.0.0']);
    expect(tags.get('1.0.0')).toBe(digest);
    const puts = target.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
    expect(puts.at(-1)?.path).toContain('/1.0.0');
  });

  test('templates, and the same digest in mode layout and in mode tag', async () => {
    const tags = '{version}\n{version}-{os}-{arch}';
    const { work, target, pushing } = await push({ version: '2.0.0', tags });
    const outputs = await pushing;
    expect([...target.store.repository(NAME).tags.keys()].sort()).toEqual([
      '2.0.0',
      '2.0.0-linux-amd64',
      '2.0.0-linux-armv7',
    ]);
    const local = await work.push({ mode: 'layout', 'layout-path': outputs['layout-path'] ?? '' });
    expect(local.digest).toBe(outputs.digest);
  });

  test('one image: version and architecture; an artifact of files: the version', async () => {
    const one = await push({ version: '1.0.0' }, (work) => imageTar(work, 'arm64'));
    await one.pushing;
    expect([...one.target.store.repository(NAME).tags.keys()]).toEqual(['1.0.0-arm64']);
    const [work, files] = [await job(), await registry()];
    const inputs = { files: work.files, registry: files.host, repository: NAME, 'allow-unsigned': 'true' };
    await work.push({ ...inputs, version: '1.0.0' });
    expect([...files.store.repository(NAME).tags.keys()]).toEqual(['1.0.0']);
  });

  test('an unsigned child keeps all tags away, signed ones bring them', async () => {
    const unsigned = await push({ version: '1.0.0', 'allow-unsigned': 'false' });
    await expect(unsigned.pushing).rejects.toMatchObject({ code: 'EVIDENCE_MISSING' });
    expect(unsigned.target.requests).toEqual([]);
    const { work, target } = unsigned;
    const layouts = `${await imageTar(work, 'amd64')}\n${await imageTar(work, 'arm', 'v7')}`;
    const { digest } = await work.push({ mode: 'layout', 'layout-path': layouts });
    const children = [...layouts.split('\n')].map((path) => work.push({ mode: 'layout', 'layout-path': path }));
    const digests = [digest, ...(await Promise.all(children)).map((child) => child.digest)].map((text) =>
      parseDigest(text ?? ''),
    );
    const bundles = await seal.bundlesFor(work.temp, digests, ROAD_SLOTS);
    const inputs = { 'layout-path': layouts, registry: target.host, repository: NAME, version: '1.0.0' };
    await work.push({ ...inputs, ...seal.identity, 'bundles-path': bundles });
    expect(target.store.repository(NAME).tags.size).toBe(3);
  });

  test.each<[string, Record<string, string>, string]>([
    ['a template without version', { tags: '{version}' }, 'PUSH_INPUT_INVALID'],
    ['a template that is unknown', { version: '1.0.0', tags: '{version}-{x}' }, 'REFERENCE_INVALID'],
    ['two images under one tag', { version: '1.0.0', tags: '{version}-{os}' }, 'PUSH_INPUT_INVALID'],
    ['a version that is none', { version: 'latest' }, 'TAG_REFUSED'],
    ['a version that is a reference', { version: 'evil.example/app:1.0.0' }, 'REGISTRY_NOT_ALLOWED'],
  ])('%s is refused before any request', async (_name, more, code) => {
    const { target, pushing } = await push(more);
    await expect(pushing).rejects.toMatchObject({ code });
    expect(target.requests).toEqual([]);
  });
});

describe('a copy', () => {
  async function released() {
    const [work, source] = [await job(), await registry()];
    const { digest } = await work.push({ mode: 'layout', files: work.files });
    const bundles = await seal.bundlesFor(work.temp, [parseDigest(digest ?? '')], ROAD_SLOTS);
    const inputs = { files: work.files, registry: source.host, repository: NAME, tags: '1.0.0' };
    const { reference = '' } = await work.push({ ...inputs, ...seal.identity, 'bundles-path': bundles });
    return { source, from: reference, digest };
  }

  test('has the same digests and signatures, and counts them as evidence', async () => {
    const { source, from, digest } = await released();
    const [work, target] = [await job(), await registry()];
    const inputs = { from, registry: target.host, repository: 'mirror/app', tags: '1.0.0', ...seal.identity };
    const outputs = await work.push(inputs);
    expect(outputs.digest).toBe(digest);
    const [one, other] = [source.store.repository(NAME), target.store.repository('mirror/app')];
    expect([...other.manifests.keys()].sort()).toEqual([...one.manifests.keys()].sort());
    expect(other.tags.get('1.0.0')).toBe(digest);
    const { referrers } = await documentOf(outputs['receipt-path']);
    expect(referrers).toHaveLength(3);
  });

  test('inside one registry mounts the layers', async () => {
    const { source, from } = await released();
    const inputs = { from, registry: source.host, repository: 'octo/copy', tags: '1.0.0', ...seal.identity };
    const outputs = await (await job()).push(inputs);
    const { bytes } = (await documentOf(outputs['receipt-path'])) as { bytes: { mounted: number } };
    expect(bytes.mounted).toBeGreaterThan(0);
  });

  test.each<[string, Record<string, string>, string]>([
    ['another signer', { 'repository-id': '1' }, 'REPOSITORY_MISMATCH'],
    ['no trusted root', { 'trusted-root': '' }, 'PUSH_INPUT_INVALID'],
    ['a tag instead of a digest', { from: 'TAGGED' }, 'PUSH_INPUT_INVALID'],
    ['another digest', { digest: sha256('x') }, 'LAYOUT_CHANGED'],
    ['more evidence than there is', { require: 'verdict' }, 'EVIDENCE_MISSING'],
  ])('with %s is refused, and the target sees nothing', async (_name, more, code) => {
    const { from } = await released();
    const target = await registry();
    const given = { from, registry: target.host, repository: NAME, tags: '1.0.0', ...seal.identity, ...more };
    const inputs = { ...given, from: given.from === 'TAGGED' ? `${from.split('@')[0]}:1.0.0` : given.from };
    await expect((await job()).push(inputs)).rejects.toMatchObject({ code });
    expect(target.requests).toEqual([]);
  });

  test('of something unsigned is refused, and allowed by name', async () => {
    const { source, from } = await released();
    const stored = source.store.repository(NAME);
    for (const [digest, manifest] of stored.manifests)
      if (manifest.subject !== undefined) stored.manifests.delete(digest);
    const target = await registry();
    const inputs = { from, registry: target.host, repository: NAME, tags: '1.0.0' };
    await expect((await job()).push({ ...inputs, ...seal.identity })).rejects.toMatchObject({
      code: 'EVIDENCE_MISSING',
    });
    expect(target.requests).toEqual([]);
    await (await job()).push({ ...inputs, 'allow-unsigned': 'true' });
    expect(target.store.repository(NAME).tags.size).toBe(1);
  });
});

describe('the connection', () => {
  test('a ca-file without a certificate is refused before any request', async () => {
    const [work, target] = [await job(), await registry()];
    await writeFile(join(work.workspace, 'ca.pem'), 'no certificate');
    const inputs = {
      files: work.files,
      registry: target.host,
      repository: NAME,
      tags: '1.0.0',
      'allow-unsigned': 'true',
    };
    const pushing = work.push({ ...inputs, 'ca-file': join(work.workspace, 'ca.pem') });
    await expect(pushing).rejects.toMatchObject({ code: 'PUSH_INPUT_INVALID' });
    expect(target.requests).toEqual([]);
  });

  test('layers are read back when that is asked for', async () => {
    const [work, target] = [await job(), await registry()];
    const inputs = { files: work.files, registry: target.host, repository: NAME, 'allow-unsigned': 'true' };
    const reads = () =>
      target.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')).length;
    await work.push({ ...inputs, tags: '1.0.0' });
    expect(reads()).toBe(0);
    await work.push({ ...inputs, tags: '1.0.0', repository: 'octo/other', 'read-back': 'all' });
    expect(reads()).toBe(4);
    // Again, when everything is there already: what is asked for is what the registry holds now.
    await work.push({ ...inputs, tags: '1.0.1', repository: 'octo/other', 'read-back': 'all' });
    expect(reads()).toBe(8);
    await work.push({ ...inputs, mode: 'tag', tags: '1.0.2', repository: 'octo/other', 'read-back': 'all' });
    expect(reads()).toBe(12);
    const { blobs, tags } = target.store.repository('octo/other');
    for (const [digest, bytes] of blobs) blobs.set(digest, Buffer.alloc(bytes.length, 0x7e));
    for (const mode of ['all', 'tag']) {
      const pushing = work.push({ ...inputs, mode, tags: '1.0.3', repository: 'octo/other', 'read-back': 'all' });
      await expect(pushing).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    }
    expect([...tags.keys()]).toEqual(['1.0.0', '1.0.1', '1.0.2']);
  });
});
