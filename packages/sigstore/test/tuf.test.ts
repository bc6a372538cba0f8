import { execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { startTuf, type TufDouble, type TufPublication } from '@paved/testkit';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { PUBLIC_GOOD_SIGNING_CONFIG, PUBLIC_GOOD_TRUSTED_ROOT } from '../src/index.js';
import { loadPublicGoodTrust, loadTufTrust, PUBLIC_GOOD_TUF_REPOSITORY } from '../src/tuf.js';
import { changed } from './tamper.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const FIRST = {
  'trusted_root.json': PUBLIC_GOOD_TRUSTED_ROOT,
  'signing_config_rekor_v2.v0.2.json': PUBLIC_GOOD_SIGNING_CONFIG,
};
/** Another document that still is a signing config. */
const NEXT_CONFIG = changed(PUBLIC_GOOD_SIGNING_CONFIG, ['caUrls', 0, 'url'], () => 'https://fulcio.next.example');
const NEXT = { ...FIRST, 'signing_config_rekor_v2.v0.2.json': NEXT_CONFIG };

const http = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 5 } });
const others: TufDouble[] = [];
let tuf: TufDouble;
let cachePath: string;
beforeEach(async () => {
  tuf = await startTuf(FIRST);
  cachePath = await mkdtemp(join(tmpdir(), 'paved-tuf-'));
});
afterEach(async () => {
  await Promise.all([tuf, ...others.splice(0)].map((double) => double.close()));
  await rm(cachePath, { recursive: true });
});
afterAll(() => http.close());

function load(options: { readonly maxAgeMs?: number } = {}) {
  const repository = { url: tuf.url, root: tuf.root };
  return loadTufTrust({ http, repository, cachePath, timeoutMs: 2000, ...options });
}

/** As a day later. */
async function forgetCheck(): Promise<void> {
  await writeFile(join(cachePath, 'checked'), '2020-01-01T00:00:00Z');
}

function tamper(path: string): void {
  const bytes = Buffer.from(tuf.files.get(path) ?? '');
  bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
  tuf.files.set(path, bytes);
}

const targetPath = () => [...tuf.files.keys()].find((path) => path.endsWith('.trusted_root.json')) ?? '';

describe('an honest repository', () => {
  test('gives both documents, and what it signed is what comes', async () => {
    expect(await load()).toEqual({
      trustedRoot: PUBLIC_GOOD_TRUSTED_ROOT,
      signingConfig: PUBLIC_GOOD_SIGNING_CONFIG,
      source: 'tuf',
    });
  });

  test('is followed over rotations of every key', async () => {
    tuf.publish({ rotate: 'both' });
    tuf.publish({ rotate: 'both', targets: NEXT });
    expect((await load()).signingConfig).toBe(NEXT_CONFIG);
    expect(tuf.requests.slice(0, 3)).toEqual(['2.root.json', '3.root.json', '4.root.json']);
  });

  test('without a log of the newer API has the other config', async () => {
    tuf.publish({
      targets: { 'trusted_root.json': PUBLIC_GOOD_TRUSTED_ROOT, 'signing_config.v0.2.json': NEXT_CONFIG },
    });
    expect((await load()).signingConfig).toBe(NEXT_CONFIG);
  });

  test('is asked once a day; then only for what is new', async () => {
    await load();
    const first = tuf.requests.length;
    await load();
    expect(tuf.requests).toHaveLength(first);
    await forgetCheck();
    tuf.publish({ targets: NEXT });
    expect((await load()).signingConfig).toBe(NEXT_CONFIG);
    expect(tuf.requests.slice(first).filter((path) => path.startsWith('targets/'))).toHaveLength(1);
  });

  test('an expired timestamp in the cache is asked for again, however young the cache is', async () => {
    tuf.publish({ expires: { timestamp: new Date(Date.now() + 1500).toISOString() } });
    await load();
    tuf.publish({ targets: NEXT });
    await new Promise((done) => setTimeout(done, 1600));
    expect((await load()).signingConfig).toBe(NEXT_CONFIG);
  });

  test('an expired root in the middle of the chain is no obstacle', async () => {
    tuf.publish({ rotate: 'both', expires: { root: '2020-01-01T00:00:00Z' } });
    tuf.publish({ rotate: 'both' });
    expect((await load()).source).toBe('tuf');
  });
});

describe('an attack is refused with its own code', () => {
  const attack = (publication: TufPublication) => () => tuf.publish(publication);
  const past = '2020-01-01T00:00:00Z';
  test.each<[string, string, () => void]>([
    ['TUF_SIGNATURE_INVALID', 'a new root that only the new key signed', attack({ rotate: 'new' })],
    ['TUF_SIGNATURE_INVALID', 'a new root that only the old key signed', attack({ rotate: 'old' })],
    ['TUF_EXPIRED', 'an expired last root', attack({ expires: { root: past } })],
    ['TUF_EXPIRED', 'an expired timestamp', attack({ expires: { timestamp: past } })],
    ['TUF_EXPIRED', 'an expired snapshot', attack({ expires: { snapshot: past } })],
    ['TUF_EXPIRED', 'expired targets', attack({ expires: { targets: past } })],
    ['TUF_SIGNATURE_INVALID', 'a timestamp of a stranger', attack({ strangers: ['timestamp'] })],
    ['TUF_SIGNATURE_INVALID', 'a snapshot of a stranger', attack({ strangers: ['snapshot'] })],
    ['TUF_SIGNATURE_INVALID', 'targets of a stranger', attack({ strangers: ['targets'] })],
    ['TUF_TARGET_INVALID', 'one changed byte in a target', () => tamper(targetPath())],
    ['TUF_METADATA_INVALID', 'one changed byte in the snapshot', () => tamper('1.snapshot.json')],
    ['TUF_METADATA_INVALID', 'a timestamp without end', () => tuf.files.set('timestamp.json', Buffer.alloc(20_000))],
    ['TUF_METADATA_INVALID', 'a timestamp that is no JSON', () => tuf.files.set('timestamp.json', Buffer.from('<x>'))],
    ['TUF_TARGET_MISSING', 'no trusted root', attack({ targets: {} })],
    ['TUF_UNAVAILABLE', 'no timestamp', () => tuf.files.delete('timestamp.json')],
    ['TUF_UNAVAILABLE', 'a target that is named and not there', () => tuf.files.delete(targetPath())],
    [
      'TRUSTED_ROOT_MALFORMED',
      'a signed target that is no trusted root',
      attack({ targets: { ...FIRST, 'trusted_root.json': '{}' } }),
    ],
    [
      'SIGNING_CONFIG_MALFORMED',
      'a signed target that is no signing config',
      attack({ targets: { 'trusted_root.json': PUBLIC_GOOD_TRUSTED_ROOT, 'signing_config.v0.2.json': '{}' } }),
    ],
  ])('%s: %s', async (code, _name, prepare) => {
    prepare();
    await expect(load()).rejects.toMatchObject({ code });
    // Nothing of what was refused answers the next time, when the repository is honest again.
    expect((await readdir(cachePath)).includes('checked')).toBe(false);
  });

  test.each<[string, TufPublication]>([
    ['timestamp', { versions: { timestamp: 1, snapshot: 3, targets: 3 } }],
    ['snapshot that the timestamp names', { versions: { timestamp: 3, snapshot: 1, targets: 3 } }],
    ['version of the targets in the snapshot', { versions: { timestamp: 3, snapshot: 3, targets: 1 } }],
  ])('TUF_ROLLBACK: an older %s than was seen', async (_name, publication) => {
    tuf.publish();
    await load();
    await forgetCheck();
    tuf.publish(publication);
    await expect(load()).rejects.toMatchObject({ code: 'TUF_ROLLBACK' });
  });

  test('TUF_ROLLBACK: another version of the root than its name says', async () => {
    tuf.publish({ rotate: 'both', versions: { root: 3 } });
    tuf.files.set('2.root.json', tuf.files.get('3.root.json') ?? Buffer.alloc(0));
    await expect(load()).rejects.toMatchObject({ code: 'TUF_ROLLBACK' });
  });

  test('a repository that begins with another root', async () => {
    const other = await startTuf(FIRST);
    others.push(other);
    const repository = { url: other.url, root: tuf.root };
    await expect(loadTufTrust({ http, repository })).rejects.toMatchObject({ code: 'TUF_SIGNATURE_INVALID' });
  });

  test.each([400, 500, 503])('an outage with status %d is no lie', async (status) => {
    tuf.outage = status;
    await expect(load()).rejects.toMatchObject({ code: 'TUF_UNAVAILABLE' });
  });
});

describe('the cache is not believed', () => {
  test.each<[string, (path: string) => void | Promise<void>]>([
    ['a FIFO, which would never end', (path) => void execFileSync('mkfifo', [path])],
    ['a link to a device, which would never end', (path) => symlink('/dev/zero', path)],
    ['a folder', async (path) => void (await mkdir(path))],
  ])('%s in it is no file of it', async (_name, plant) => {
    await load();
    for (const name of ['checked', 'timestamp.json']) {
      await rm(join(cachePath, name), { force: true });
      await plant(join(cachePath, name));
    }
    expect((await load()).source).toBe('tuf');
  });

  test('nothing is written through a link that another step put there', async () => {
    const victim = join(cachePath, 'victim');
    await writeFile(victim, 'what it was');
    for (const name of ['timestamp.json', 'snapshot.json', 'targets.json', 'checked']) {
      await symlink(victim, join(cachePath, `${name}.${process.pid}.new`));
      await symlink(victim, join(cachePath, name));
    }
    await load();
    expect(await readFile(victim, 'utf8')).toBe('what it was');
    expect((await lstat(join(cachePath, 'timestamp.json'))).isFile()).toBe(true);
  });

  test('files of a stranger in it change nothing', async () => {
    const stranger = await startTuf(NEXT);
    others.push(stranger);
    const repository = { url: stranger.url, root: stranger.root };
    expect((await loadTufTrust({ http, repository, cachePath })).signingConfig).toBe(NEXT_CONFIG);
    expect((await load()).signingConfig).toBe(PUBLIC_GOOD_SIGNING_CONFIG);
  });

  test('a changed target in it is fetched again', async () => {
    await load();
    for (const name of await readdir(cachePath)) {
      if (name.startsWith('target-')) await writeFile(join(cachePath, name), NEXT_CONFIG);
    }
    expect((await load()).signingConfig).toBe(PUBLIC_GOOD_SIGNING_CONFIG);
  });

  test('a check in the future is none', async () => {
    await load();
    await writeFile(join(cachePath, 'checked'), '2099-01-01T00:00:00Z');
    tuf.publish({ targets: NEXT });
    expect((await load()).signingConfig).toBe(NEXT_CONFIG);
  });
});

describe('the public-good instance', () => {
  test('its embedded root is the file under trust/, signs itself, and belongs to the instance', async () => {
    const bytes = await readFile(join(ROOT, 'trust/public-good-tuf-root.json'));
    expect(Buffer.compare(bytes, Buffer.from(PUBLIC_GOOD_TUF_REPOSITORY.root))).toBe(0);
    const { root } = new TrustedMetadataStore(bytes);
    expect(root.signed.roles.root?.threshold).toBeGreaterThanOrEqual(3);
    bytes[bytes.indexOf('"version"') + 11] = 0x39;
    expect(() => new TrustedMetadataStore(bytes)).toThrow(/signed by/);
  });

  /** No request leaves the machine: nothing listens on the port that every name leads to. */
  const offline = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 2 } });
  offline.request = async () => await http.request({ method: 'GET', url: 'http://127.0.0.1:9/', attempts: 1 });

  test('preferred: the embedded documents where the repository cannot be reached, and it says why', async () => {
    expect(await loadPublicGoodTrust({ http: offline, updates: 'preferred', cachePath })).toMatchObject({
      trustedRoot: PUBLIC_GOOD_TRUSTED_ROOT,
      signingConfig: PUBLIC_GOOD_SIGNING_CONFIG,
      source: 'embedded',
      unavailable: { code: 'TUF_UNAVAILABLE' },
    });
  });

  test('required: nothing without an update; off: nothing is asked', async () => {
    await expect(loadPublicGoodTrust({ http: offline, updates: 'required', cachePath })).rejects.toMatchObject({
      code: 'TUF_UNAVAILABLE',
    });
    const trust = await loadPublicGoodTrust({ http: offline, updates: 'off', cachePath });
    expect(trust).not.toHaveProperty('unavailable');
  });

  test('a repository that lies is refused under preferred too', async () => {
    const lying = new HttpClient();
    lying.request = async (request) =>
      await http.request({ ...request, url: `${tuf.url}${new URL(request.url).pathname}` });
    await expect(loadPublicGoodTrust({ http: lying, updates: 'preferred', cachePath })).rejects.toMatchObject({
      code: 'TUF_SIGNATURE_INVALID',
    });
  });
});
