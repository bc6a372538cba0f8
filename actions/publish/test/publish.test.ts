import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type ReleaseDouble, type ReleasesDouble, startReleases } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const TOKEN = 'ghs_canary0123456789';
let scene: TestContext;
let github: ReleasesDouble;
let onUpload: ((release: ReleaseDouble) => void) | undefined;

beforeEach(async () => {
  onUpload = undefined;
  github = await startReleases({ repository: 'octo/app', token: TOKEN, onUpload: (release) => onUpload?.(release) });
  github.tags.add('v1.2.3');
  scene = await testContext({ action: 'publish', facts: { apiUrl: github.url } });
  await writeFile(join(scene.workspace, 'tool.tgz'), 'tool');
  await writeFile(join(scene.workspace, 'tool.tgz.sigstore.json'), '{}');
});
afterEach(async () => {
  await scene.dispose();
  await github.close();
});

async function publish(texts: Record<string, string> = {}) {
  const inputs = await scene.inputs(definition, { files: 'tool*', tag: 'v1.2.3', 'github-token': TOKEN, ...texts });
  return await run(inputs, scene.context);
}

test('publishes last, after every asset was read back', async () => {
  expect(await publish()).toEqual({ 'release-id': '1', url: 'https://github.com/octo/app/releases/tag/v1.2.3' });
  expect(github.releases[0]).toMatchObject({
    draft: false,
    assets: [{ name: 'tool.tgz' }, { name: 'tool.tgz.sigstore.json' }],
  });
  const calls = github.requests.map(({ method, path }) => `${method} ${path.replace('/repos/octo/app/', '')}`);
  const published = calls.indexOf('PATCH releases/1');
  expect(calls.slice(0, published).filter((call) => call.includes('_storage'))).toHaveLength(2);
  expect(calls.slice(0, published).filter((call) => call.startsWith('POST'))).toHaveLength(3);
});

test('every call of the API carries the token', async () => {
  await publish();
  for (const { path, authorization } of github.requests) {
    if (!path.startsWith('/_storage')) expect(authorization).toBe(`Bearer ${TOKEN}`);
  }
});

test('a draft of an earlier attempt is replaced', async () => {
  github.releases.push({ id: 77, tag: 'v1.2.3', draft: true, assets: [] });
  await publish();
  expect(github.releases.map(({ id, draft }) => [id, draft])).toEqual([[1, false]]);
});

describe('refuses', () => {
  test.each([
    ['v1', 'TAG_INVALID'],
    ['latest', 'TAG_INVALID'],
    ['v1.2.3/../..', 'TAG_INVALID'],
    ['v9.9.9', 'TAG_MISSING'],
  ])('the tag %s', async (tag, code) => {
    await expect(publish({ tag })).rejects.toMatchObject({ code });
    expect(github.releases).toEqual([]);
  });

  test('a release that is published already', async () => {
    await publish();
    await expect(publish()).rejects.toMatchObject({ code: 'RELEASE_EXISTS' });
  });

  test.each<readonly [string, (release: ReleaseDouble) => void]>([
    [
      'one byte of an asset is another',
      ({ assets }) => {
        const [first] = assets;
        if (first !== undefined) first.bytes = Buffer.from('tooL');
      },
    ],
    [
      'somebody adds an asset',
      (release) => {
        if (release.assets.length === 2)
          release.assets.push({ id: 99, name: 'extra', bytes: Buffer.from('x'), digest: 'sha256:0' });
      },
    ],
    [
      'somebody removes an asset',
      (release) => {
        if (release.assets.length === 2) release.assets.pop();
      },
    ],
  ])('when %s, and leaves the draft unpublished', async (_what, change) => {
    onUpload = change;
    await expect(publish()).rejects.toMatchObject({ code: 'ASSET_CHANGED' });
    expect(github.releases[0]?.draft).toBe(true);
  });

  test('an uploads host that the API does not have', async () => {
    const other = await startReleases({ repository: 'octo/app', token: TOKEN, uploadUrl: 'http://127.0.0.1:9' });
    other.tags.add('v1.2.3');
    const elsewhere = await testContext({ action: 'publish', facts: { apiUrl: other.url } });
    await writeFile(join(elsewhere.workspace, 'a'), 'a');
    const inputs = await elsewhere.inputs(definition, { files: 'a', tag: 'v1.2.3', 'github-token': TOKEN });
    await expect(run(inputs, elsewhere.context)).rejects.toMatchObject({ code: 'UPLOAD_HOST_REFUSED' });
    await elsewhere.dispose();
    await other.close();
  });

  test('a name that the service would change', async () => {
    await writeFile(join(scene.workspace, 'tool v2.tgz'), 'x');
    await expect(publish()).rejects.toMatchObject({ code: 'ASSET_NAME_TAKEN' });
  });

  test('a wrong token, without showing it', async () => {
    const error = await publish({ 'github-token': 'ghs_other_canary' }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'HTTP_STATUS' });
    expect(String(error)).not.toContain('canary');
  });
});
