import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { checkPack } from '../src/check-pack.js';
import { parseStore, storePack } from '../src/directory-store.js';
import { type Bench, bench, filesOf, signedPack, signPack } from './pack.js';

let stage: Bench;
let pack: string;
let store: string;
beforeEach(async () => {
  stage = await bench();
  pack = await signedPack(stage);
  store = join(stage.kit.workspace, 'store');
});
afterEach(() => stage.dispose());

function upload(inputs: Readonly<Record<string, string>> = {}) {
  return stage.run({ mode: 'upload', 'pack-path': pack, store: pathToFileURL(store).href, ...inputs });
}

async function changeBundle(change: object): Promise<void> {
  const path = join(pack, 'logs/build.log.sigstore.json');
  const { messageSignature } = JSON.parse(await readFile(path, 'utf8'));
  Object.assign(messageSignature.messageDigest, change);
  await writeFile(path, JSON.stringify({ messageSignature }));
}

async function storedFolders(): Promise<readonly string[]> {
  return await readdir(join(store, 'widget')).catch(() => []);
}

describe('mode: upload', () => {
  test('stores the pack under the digest of its manifest', async () => {
    const { location } = await upload();
    const folder = fileURLToPath(location ?? '').replace(/\/$/, '');
    expect(folder).toBe(join(store, 'widget', sha256(await readFile(join(pack, 'manifest.json'))).slice(7)));
    expect(await filesOf(folder)).toEqual(await filesOf(pack));
    for (const path of await filesOf(pack)) {
      expect(await readFile(join(folder, path))).toEqual(await readFile(join(pack, path)));
    }
    expect(await storedFolders()).toHaveLength(1);
  });

  test('succeeds again with the same content, without writing', async () => {
    const { location } = await upload();
    const before = (await stat(fileURLToPath(location ?? ''))).ino;
    expect((await upload()).location).toBe(location);
    expect((await stat(fileURLToPath(location ?? ''))).ino).toBe(before);
    expect(await storedFolders()).toHaveLength(1);
  });

  test.each([
    ['another byte', async (folder: string) => writeFile(join(folder, 'logs/build.log'), 'built!')],
    ['one file less', async (folder: string) => rm(join(folder, 'logs/build.log.sig'))],
    ['one file more', async (folder: string) => writeFile(join(folder, 'logs/more'), 'x')],
  ])('refuses where the store holds %s under the key', async (_name, change) => {
    const { location } = await upload();
    const folder = fileURLToPath(location ?? '');
    await change(folder);
    const before = await filesOf(folder.replace(/\/$/, ''));
    await expect(upload()).rejects.toMatchObject({ code: 'EVIDENCE_EXISTS' });
    expect(await filesOf(folder.replace(/\/$/, ''))).toEqual(before);
    expect(await storedFolders()).toHaveLength(1);
  });

  test.each([
    ['a file of another content', 'PACK_DIGEST_MISMATCH', () => writeFile(join(pack, 'logs/build.log'), 'BUILT')],
    ['a file of another size', 'PACK_DIGEST_MISMATCH', () => writeFile(join(pack, 'logs/build.log'), 'longer')],
    ['a missing file', 'PACK_FILE_MISSING', () => rm(join(pack, 'logs/build.log'))],
    ['a file that nobody listed', 'PACK_FILE_UNEXPECTED', () => writeFile(join(pack, 'logs/new.log'), 'x')],
    ['no .sig', 'SIGNATURE_MISSING', () => rm(join(pack, 'logs/build.log.sig'))],
    ['no .sigstore.json', 'SIGNATURE_MISSING', () => rm(join(pack, 'logs/build.log.sigstore.json'))],
    ['an unsigned manifest', 'SIGNATURE_MISSING', () => rm(join(pack, 'manifest.json.sigstore.json'))],
    ['the .sig of another signature', 'SIGNATURE_MISMATCH', () => writeFile(join(pack, 'logs/build.log.sig'), 'AAAB')],
    ['a .sig that is no base64', 'SIGNATURE_MISMATCH', () => writeFile(join(pack, 'logs/build.log.sig'), 'AAAA<b>')],
    ['a bundle over another algorithm', 'SIGNATURE_MISMATCH', () => changeBundle({ algorithm: 'SHA2_512' })],
    ['an empty .sig', 'SIGNATURE_MISMATCH', () => writeFile(join(pack, 'logs/build.log.sig'), '\n')],
    [
      'the bundle of another file',
      'SIGNATURE_MISMATCH',
      () => cp(join(pack, 'manifest.json.sigstore.json'), join(pack, 'logs/build.log.sigstore.json')),
    ],
    ['a bundle that is none', 'SIGNATURE_MISMATCH', () => writeFile(join(pack, 'logs/build.log.sigstore.json'), '{}')],
    ['no manifest', 'PACK_INVALID', () => rm(join(pack, 'manifest.json'))],
  ])('refuses a pack with %s', async (_name, code, change) => {
    await change();
    await expect(upload()).rejects.toMatchObject({ code });
    expect(await storedFolders()).toEqual([]);
  });

  test.each(['../outside', '..', '.', '', 'a/b', '.hidden', 'a\nb'])(
    'refuses a manifest of an artifact %j',
    async (name) => {
      const path = join(pack, 'manifest.json');
      const manifest = JSON.parse(await readFile(path, 'utf8'));
      manifest.artifact.name = name;
      await writeFile(path, JSON.stringify(manifest));
      for (const file of await filesOf(pack)) if (/\.(?:sig|sigstore\.json)$/.test(file)) await rm(join(pack, file));
      await signPack(pack);
      const before = await readdir(stage.kit.workspace);
      await expect(upload({ name: name === '' ? ' ' : name })).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:PACK_INVALID|INPUT_MISSING)$/),
      });
      expect(await readdir(stage.kit.workspace)).toEqual(before);
    },
  );

  test('refuses a manifest with a path that leaves the pack', async () => {
    const path = join(pack, 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    manifest.files[0].path = '../../outside';
    await writeFile(path, JSON.stringify(manifest));
    await expect(upload()).rejects.toMatchObject({ code: 'PACK_INVALID' });
  });

  test('refuses a pack of another artifact, no pack, and pack and upload at once', async () => {
    await expect(upload({ name: 'other' })).rejects.toMatchObject({ code: 'PACK_INVALID' });
    await expect(upload({ 'pack-path': '' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(upload({ mode: 'all' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('checks the pack and copies nothing where the run keeps it', async () => {
    expect((await upload({ store: 'run' })).location).toBe('run');
    await rm(join(pack, 'logs/build.log.sig'));
    await expect(upload({ store: 'run' })).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
  });

  test('takes a pack without signatures where that is allowed', async () => {
    const sources = {
      logs: join(stage.kit.temp, 'record'),
      'allow-unsigned': 'true',
      store: pathToFileURL(store).href,
    };
    const { location } = await stage.run({ mode: 'all', ...sources });
    expect(await filesOf(fileURLToPath(location ?? '').replace(/\/$/, ''))).toContain('manifest.json');
  });
});

describe('a store that fails', () => {
  test('leaves nothing behind when a file cannot be read half-way', async () => {
    const checked = await checkPack(pack, true);
    const last = checked.files.at(-1)?.path ?? '';
    await rm(join(pack, last));
    await expect(storePack(store, pack, checked)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await storedFolders()).toEqual([]);
  });

  test('leaves nothing behind when a file changes while it is copied', async () => {
    const checked = await checkPack(pack, true);
    await writeFile(join(pack, 'logs/build.log'), 'BUILT');
    await expect(storePack(store, pack, checked)).rejects.toMatchObject({ code: 'PACK_DIGEST_MISMATCH' });
    expect(await storedFolders()).toEqual([]);
  });

  test('leaves nothing behind when the disk is full', async () => {
    await mkdir(store, { recursive: true });
    if (!mountSmallDisk(store)) return;
    try {
      await stage.write('record/large.log', 'x'.repeat(200_000));
      const large = await stage.run({ mode: 'pack', logs: join(stage.kit.temp, 'record') });
      pack = large['pack-path'] ?? '';
      await expect(upload({ 'allow-unsigned': 'true' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(await storedFolders()).toEqual([]);
    } finally {
      execFileSync('umount', [store]);
    }
  });

  test('is named when it is a file', async () => {
    await writeFile(store, '');
    await expect(upload()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

test.each(['https://evidence.example/x', 'file://host/x', 'file:///x?y=1', 'relative/path', ''])(
  'store %j is refused',
  (text) => {
    expect(() => parseStore(text)).toThrow(expect.objectContaining({ code: 'STORE_INVALID' }));
  },
);

/** Needs the right to mount; without it the test says so and stops. */
function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'pipe' });
    return true;
  } catch {
    process.stderr.write('skipped: a small disk cannot be mounted here\n');
    return false;
  }
}
