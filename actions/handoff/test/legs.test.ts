import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type HandoffScene, openScene } from './scene.js';

const PLATFORMS = ['linux/amd64', 'linux/arm64'];

let scene: HandoffScene;
let outputs: Record<string, string>;

beforeEach(async () => {
  scene = await openScene();
  outputs = {};
  for (const platform of PLATFORMS) {
    const key = platform.replace('/', '-');
    await writeFile(join(scene.workspace, 'out/a.txt'), platform);
    const sent = await scene.start({ mode: 'send', name: `files-${key}`, path: 'out' });
    Object.assign(outputs, {
      [`${key}-files-id`]: sent['artifact-id'],
      [`${key}-files-sha256`]: sent.sha256,
      [`${key}-files-made`]: sent.made,
    });
  }
});
afterEach(() => scene.dispose());

function receive(change: Readonly<Record<string, string>> = {}) {
  return scene.start({
    mode: 'receive-legs',
    name: 'files',
    platforms: PLATFORMS.join('\n'),
    outputs: JSON.stringify(outputs),
    'needs-result': 'success',
    ...change,
  });
}

/** What legs left, as if it had been otherwise. */
function changed(change: (key: string, value: string) => string): string {
  return JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, change(key, value)])));
}

test('gives one folder for each leg, named by its platform', async () => {
  const { path = '' } = await receive();
  expect((await readdir(path)).sort()).toEqual(['linux-amd64', 'linux-arm64']);
  for (const platform of PLATFORMS) {
    expect(await readFile(join(path, platform.replace('/', '-'), 'a.txt'), 'utf8')).toBe(platform);
  }
  expect((await scene.events()).slice(-2).map((event) => event.platform)).toEqual(PLATFORMS);
});

test('a job with a leg of its own takes that leg alone, and is told the id', async () => {
  const { path = '', 'artifact-id': id } = await receive({ platforms: 'linux/arm64' });
  expect(await readdir(path)).toEqual(['linux-arm64']);
  expect(id).toBe(outputs['linux-arm64-files-id']);
  expect((await receive())['artifact-id']).toBeUndefined();
});

describe('refuses', () => {
  test.each<readonly [string, string, (key: string, value: string) => string]>([
    ['a leg without an id', 'HANDOFF_LEG_MISSING', (key, value) => (key === 'linux-arm64-files-id' ? '' : value)],
    [
      'a leg without a digest',
      'HANDOFF_LEG_MISSING',
      (key, value) => (key === 'linux-amd64-files-sha256' ? '' : value),
    ],
    ['two legs with one artifact', 'HANDOFF_LEG_REPEATED', (key, value) => (/-id$/.test(key) ? '1' : value)],
    [
      'the artifact of another leg',
      'HANDOFF_DIGEST_MISMATCH',
      (key, value) => (/-id$/.test(key) ? String(3 - Number(value)) : value),
    ],
    [
      'legs of two attempts',
      'HANDOFF_OTHER_RUN',
      (key, value) => (key === 'linux-arm64-files-made' ? value.replace('/1/', '/2/') : value),
    ],
    ['legs of another run', 'HANDOFF_OTHER_RUN', (key, value) => (/-made$/.test(key) ? `9${value}` : value)],
    [
      'a leg of nobody knows when',
      'HANDOFF_ORIGIN_INVALID',
      (key, value) => (key === 'linux-amd64-files-made' ? '' : value),
    ],
  ])('%s', async (_what, code, change) => {
    await expect(receive({ outputs: changed(change) })).rejects.toMatchObject({ code });
  });

  test('a leg that ran again alone', async () => {
    const second = await openScene({ runAttempt: '2' });
    try {
      const text = changed((key, value) => (key === 'linux-arm64-files-made' ? value.replace('/1/', '/2/') : value));
      const given = { mode: 'receive-legs', name: 'files', outputs: text, 'needs-result': 'success' };
      await expect(second.start({ ...given, platforms: PLATFORMS.join('\n') })).rejects.toMatchObject({
        code: 'HANDOFF_LEGS_MIXED',
        message: expect.stringContaining('linux/amd64 in attempt 1, linux/arm64 in attempt 2'),
      });
    } finally {
      await second.dispose();
    }
  });

  test('a changed byte, and leaves nothing of the other legs', async () => {
    const path = scene.stored(outputs['linux-arm64-files-id'] ?? '');
    const bytes = await readFile(path);
    bytes[520] = (bytes[520] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(receive()).rejects.toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
    const left = await readdir(join(scene.temp, 'paved/handoff'), { recursive: true });
    expect(left.filter((name) => name.endsWith('a.txt'))).toEqual([]);
  });

  test.each(['failure', 'cancelled', 'skipped', ''])('legs of a job that ended as "%s"', async (result) => {
    await expect(receive({ 'needs-result': result })).rejects.toMatchObject({ code: 'NEED_NOT_SUCCESSFUL' });
  });

  test.each([
    ['no platform', ''],
    ['a platform twice', 'linux/amd64\nlinux/amd64'],
    ['what is no platform', 'linux/amd64\n../linux'],
    ['a name that another key could begin with', 'linux/amd64-files'],
    ['more platforms than there are', Array.from({ length: 17 }, (_, index) => `linux/p${index}`).join('\n')],
  ])('%s', async (_what, platforms) => {
    await expect(receive({ platforms })).rejects.toMatchObject({ code: 'HANDOFF_LEGS_INVALID' });
  });

  test.each(['', '[]', '{"a":1}', 'toJSON'])('outputs that are %j', async (text) => {
    await expect(receive({ outputs: text })).rejects.toMatchObject({
      code: text === '' ? 'INPUT_MISSING' : 'HANDOFF_LEG_MISSING',
    });
  });
});
