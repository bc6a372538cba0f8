import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseDigest } from '@paved/digest';
import { openLayout } from '@paved/oci';
import { type Job, ROAD_SLOTS, type Seal, startJob, startSeal } from './scenario.js';

const closing: (() => unknown)[] = [];
let seal: Seal;

beforeAll(async () => {
  seal = await startSeal();
});
afterAll(() => seal.close());
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Prepared {
  readonly job: Job;
  readonly layout: string;
  readonly digest: string;
  push(texts?: Readonly<Record<string, string>>): ReturnType<Job['push']>;
}

/** What the steps before it leave: a layout, and bundles of a key that is gone. No registry is there, and none is named. */
async function prepare(slots = ROAD_SLOTS): Promise<Prepared> {
  const job = await startJob();
  closing.push(() => job.dispose());
  const { digest = '', 'layout-path': layout = '' } = await job.push({ mode: 'layout', files: job.files });
  const { folder, publicKey } = await seal.rehearsedBundlesFor(job.temp, [parseDigest(digest)], slots);
  const texts = {
    mode: 'rehearse',
    'layout-path': layout,
    'bundles-path': folder,
    'public-key': publicKey,
    'trusted-root': seal.identity['trusted-root'] ?? '',
    tags: '1.0.0',
  };
  return { job, layout, digest, push: (more = {}) => job.push({ ...texts, ...more }) };
}

describe('a rehearsed push', () => {
  test('leaves in a folder what a registry would hold, with tag and referrers', async () => {
    const { digest, push, layout } = await prepare();
    const outputs = await push();
    const folder = outputs['layout-path'] ?? '';
    expect(outputs).toMatchObject({ digest });
    expect([outputs.reference, folder === layout]).toEqual([undefined, false]);
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
    const [tagged, ...referrers] = index.manifests;
    expect(tagged).toMatchObject({ digest, annotations: { 'org.opencontainers.image.ref.name': '1.0.0' } });
    expect(referrers).toHaveLength(3);
    for (const referrer of referrers) {
      const { root } = await openLayout(folder, { digest: referrer.digest });
      expect(JSON.parse(Buffer.from(root.bytes).toString('utf8')).subject.digest).toBe(digest);
    }
  });

  const CHANGES: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['a tag that names no version', { tags: 'latest' }, 'TAG_REFUSED'],
    ['a tag that is none', { tags: 'a b' }, 'REFERENCE_INVALID'],
    ['no tag', { tags: '' }, 'PUSH_INPUT_INVALID'],
    ['a requirement that nothing meets', { require: 'verdict' }, 'EVIDENCE_MISSING'],
    ['another digest', { digest: `sha256:${'a'.repeat(64)}` }, 'LAYOUT_INVALID'],
    ['no trusted root', { 'trusted-root': '' }, 'PUSH_INPUT_INVALID'],
    ['neither a key nor an identity', { 'public-key': '' }, 'PUSH_INPUT_INVALID'],
    ['a copy', { 'layout-path': '', from: `r.example/a@sha256:${'a'.repeat(64)}` }, 'PUSH_INPUT_INVALID'],
  ];

  test.each(CHANGES)('%s is refused as in a release', async (_name, more, code) => {
    const { job, push } = await prepare();
    await expect(push(more)).rejects.toMatchObject({ code });
    expect((await readdir(job.temp, { recursive: true })).some((name) => name.endsWith('rehearsal'))).toBe(false);
  });

  test('bundles without an SBOM are refused', async () => {
    await expect((await prepare(['provenance'])).push()).rejects.toMatchObject({ code: 'EVIDENCE_MISSING' });
  });

  test('bundles of another key are refused', async () => {
    const one = await prepare();
    const foreign = await seal.rehearsedBundlesFor(one.job.temp, [parseDigest(one.digest)], ROAD_SLOTS);
    const refused = one.push({ 'bundles-path': foreign.folder });
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^(KEY_MISMATCH|SIGNATURE_INVALID)$/) });
  });

  test('a layout that was changed is refused', async () => {
    const { layout, push } = await prepare();
    const { blobs } = await openLayout(layout);
    const [, hex = ''] = (blobs.at(-1)?.descriptor.digest ?? '').split(':');
    const path = join(layout, 'blobs/sha256', hex);
    const bytes = await readFile(path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(push()).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
  });
});

test.each(['layout', 'content', 'tag', 'all'])(
  'mode %s takes no key: it says nothing about who signed',
  async (mode) => {
    const { push } = await prepare();
    const texts = { mode, registry: 'registry.example', repository: 'octo/app', tags: mode === 'all' ? '1.0.0' : '' };
    await expect(push(texts)).rejects.toMatchObject({
      code: 'PUSH_INPUT_INVALID',
      message: expect.stringContaining('public-key'),
    });
  },
);
