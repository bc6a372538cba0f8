import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type HandoffScene, openScene, type Texts } from './scene.js';

let scene: HandoffScene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.dispose());

const start = (texts: Texts) => scene.start(texts);

async function sent(): Promise<Texts> {
  const outputs = await start({ mode: 'send', name: 'files', path: 'out' });
  return {
    mode: 'receive',
    'artifact-id': outputs['artifact-id'] ?? '',
    sha256: outputs.sha256 ?? '',
    'needs-result': 'success',
  };
}

describe('handoff', () => {
  test('receives under RUNNER_TEMP what was sent', async () => {
    const reference = await sent();
    expect(reference.sha256).toMatch(/^[0-9a-f]{64}$/);
    const { path = '' } = await start(reference);
    expect(path.startsWith(join(scene.temp, 'paved', 'handoff'))).toBe(true);
    expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('hello');
    const events = await scene.events();
    expect(events.map(({ event, files }) => [event, files])).toEqual([
      ['sent', 1],
      ['received', 1],
    ]);
  });

  test('refuses one changed byte', async () => {
    const reference = await sent();
    const path = scene.stored(reference['artifact-id'] ?? '');
    const bytes = await readFile(path);
    bytes[520] = (bytes[520] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(start(reference)).rejects.toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
  });

  test('states in which attempt of the run it was made, and takes that with max-age', async () => {
    const { made = '' } = await start({ mode: 'send', name: 'files', path: 'out' });
    expect(made).toMatch(/^[1-9][0-9]*\/1\/\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const { path } = await start({ ...(await sent()), made, 'max-age': '24h' });
    expect(path).toBeDefined();
  });

  test.each<readonly [string, string, (made: string) => string]>([
    ['no origin', 'HANDOFF_ORIGIN_INVALID', () => ''],
    ['another run', 'HANDOFF_OTHER_RUN', (made) => `9${made}`],
    ['an attempt to come', 'HANDOFF_OTHER_RUN', (made) => made.replace('/1/', '/2/')],
    ['an old one', 'HANDOFF_STALE', (made) => made.replace(/[^/]+$/, '2020-01-01T00:00:00.000Z')],
  ])('with max-age, refuses %s before anything is downloaded', async (_what, code, change) => {
    const { made = '' } = await start({ mode: 'send', name: 'files', path: 'out' });
    const reference = { ...(await sent()), 'artifact-id': '999', made: change(made), 'max-age': '24h' };
    await expect(start(reference)).rejects.toMatchObject({ code });
  });

  test.each(['failure', 'cancelled', 'skipped', 'Success', ''])('refuses a job that ended as "%s"', async (result) => {
    const reference = await sent();
    await expect(start({ ...reference, 'needs-result': result })).rejects.toMatchObject({
      code: 'NEED_NOT_SUCCESSFUL',
    });
  });

  test.each<readonly [string, Texts]>([
    ['an empty id', { 'artifact-id': '' }],
    ['an id that is no number', { 'artifact-id': '1e3' }],
    ['an id of zero', { 'artifact-id': '0' }],
    ['an empty digest', { sha256: '' }],
    ['a digest in upper case', { sha256: 'A'.repeat(64) }],
    ['a digest with its algorithm', { sha256: `sha256:${'a'.repeat(64)}` }],
    ['a short digest', { sha256: 'a'.repeat(63) }],
  ])('refuses %s', async (_name, change) => {
    const reference = await sent();
    await expect(start({ ...reference, ...change })).rejects.toMatchObject({ code: 'HANDOFF_REFERENCE_INVALID' });
  });

  test('refuses more than max-bytes, on both sides', async () => {
    const reference = await sent();
    await expect(start({ ...reference, 'max-bytes': '1000' })).rejects.toMatchObject({ code: 'HANDOFF_TOO_LARGE' });
    const send = start({ mode: 'send', name: 'files', path: 'out', 'max-bytes': '1000' });
    await expect(send).rejects.toMatchObject({ code: 'HANDOFF_TOO_LARGE' });
  });

  test.each<readonly [string, Texts]>([
    ['no path', { name: 'files' }],
    ['no name', { path: 'out' }],
  ])('refuses to send with %s', async (_name, texts) => {
    await expect(start({ mode: 'send', ...texts })).rejects.toMatchObject({ code: 'INPUT_MISSING' });
  });
});

describe('receive-all', () => {
  test('gives one folder for each artifact whose name begins so', async () => {
    for (const name of ['leg-0', 'leg-1', 'other']) await start({ mode: 'send', name, path: 'out' });
    const { path = '', count } = await start({ mode: 'receive-all', name: 'leg-' });
    expect(count).toBe('2');
    for (const folder of await readdir(path)) expect(await readFile(join(path, folder, 'a.txt'), 'utf8')).toBe('hello');
    expect(await readdir(path)).toHaveLength(2);
  });

  test('wants a name', async () => {
    await expect(start({ mode: 'receive-all' })).rejects.toMatchObject({ code: 'INPUT_MISSING' });
  });
});
