import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { PUBLIC_GOOD_SIGNING_CONFIG, PUBLIC_GOOD_TRUSTED_ROOT } from '@paved/sigstore';
import { startTuf, type TufDouble, type TufPublication } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { loadTrustedRoot } from '../src/load-trusted-root.js';
import type { Verification } from '../src/verification.js';
import { type Bench, failedChecks, honest, startBench, startWorld, type World } from './world.js';

let world: World;
let bench: Bench;
let tuf: TufDouble;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  bench = await startBench(world);
  await bench.push([await world.sign('provenance', honest(bench.digest).provenance, bench.digest)]);
  tuf = await startTuf(targets(world.trustedRoot));
});
afterEach(async () => {
  await tuf.close();
  await bench.dispose();
});

function targets(trustedRoot: string): Record<string, string> {
  return { 'trusted_root.json': trustedRoot, 'signing_config.v0.2.json': PUBLIC_GOOD_SIGNING_CONFIG };
}

/** Codes of the failed checks and the digest of the root that was trusted, or the error before anything was verified. */
async function verify(inputs: Readonly<Record<string, string>> = {}) {
  const repository = { 'tuf-url': tuf.url, 'tuf-root': tuf.root.toString('utf8') };
  const given = { 'trusted-root': '', require: 'provenance', ...repository, ...inputs };
  const { outputs, error } = await bench.verify(given);
  const path = outputs['verification-path'];
  if (path === undefined) return { error, failed: undefined, root: undefined };
  const verification = JSON.parse(await readFile(path, 'utf8')) as Verification;
  return { error, failed: failedChecks(verification), root: verification.policy.trustedRoot };
}

describe('an own instance with an update repository', () => {
  test('is verified against the root that comes from there, and the cache spares the questions', async () => {
    const cache = { 'trust-cache': join(bench.kit.temp, 'trust') };
    expect(await verify(cache)).toEqual({ error: undefined, failed: {}, root: sha256(world.trustedRoot) });
    const asked = tuf.requests.length;
    expect((await verify(cache)).failed).toEqual({});
    expect([asked > 0, tuf.requests.length]).toEqual([true, asked]);
  });

  test('is not verified against a root that does not have its keys', async () => {
    tuf.publish({ targets: targets(PUBLIC_GOOD_TRUSTED_ROOT) });
    expect(await verify()).toMatchObject({
      failed: { 'provenance-signed': 'CERTIFICATE_UNTRUSTED' },
      root: sha256(PUBLIC_GOOD_TRUSTED_ROOT),
    });
  });

  test.each<[string, TufPublication, string]>([
    ['that has expired', { expires: { timestamp: '2020-01-01T00:00:00Z' } }, 'TUF_EXPIRED'],
    ['that a stranger signed', { strangers: ['timestamp'] }, 'TUF_SIGNATURE_INVALID'],
    ['whose targets a stranger signed', { strangers: ['targets'] }, 'TUF_SIGNATURE_INVALID'],
    ['whose new root the old one did not sign', { rotate: 'new' }, 'TUF_SIGNATURE_INVALID'],
    ['without a trusted root', { targets: { 'other.json': '{}' } }, 'TUF_TARGET_MISSING'],
    ['whose trusted root is none', { targets: targets('{}') }, 'TRUSTED_ROOT_MALFORMED'],
  ])('verifies nothing with a repository %s, whatever is preferred', async (_name, publication, code) => {
    tuf.publish(publication);
    const asked = bench.registry.requests.length;
    for (const updates of ['preferred', 'required']) {
      expect(await verify({ 'trust-updates': updates })).toMatchObject({ error: { code }, failed: undefined });
    }
    expect(bench.registry.requests).toHaveLength(asked);
  });

  test('verifies nothing with a repository that goes back behind what was seen', async () => {
    const folder = join(bench.kit.temp, 'trust');
    tuf.publish();
    expect((await verify({ 'trust-cache': folder })).failed).toEqual({});
    await writeFile(join(folder, 'checked'), '2020-01-01T00:00:00Z');
    tuf.publish({ versions: { timestamp: 1 } });
    expect((await verify({ 'trust-cache': folder })).error).toMatchObject({ code: 'TUF_ROLLBACK' });
  });

  test('verifies nothing with one byte of the trusted root changed, or the first root of another repository', async () => {
    const stranger = await startTuf(targets(world.trustedRoot));
    const error = (await verify({ 'tuf-root': stranger.root.toString('utf8') })).error;
    await stranger.close();
    expect(error).toMatchObject({ code: 'TUF_SIGNATURE_INVALID' });
    const path = [...tuf.files.keys()].find((name) => name.endsWith('.trusted_root.json')) ?? '';
    const bytes = Buffer.from(tuf.files.get(path) ?? '');
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
    tuf.files.set(path, bytes);
    expect((await verify()).error).toMatchObject({ code: 'TUF_TARGET_INVALID' });
  });

  test('has nothing to fall back to when it cannot be reached', async () => {
    tuf.outage = 404;
    expect((await verify({ 'trust-updates': 'preferred' })).error).toMatchObject({ code: 'TUF_UNAVAILABLE' });
  });

  test('is left alone by a cache that somebody else filled', async () => {
    const folder = join(bench.kit.temp, 'trust');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'checked'), new Date().toISOString());
    await writeFile(join(folder, 'timestamp.json'), '{}');
    expect((await verify({ 'trust-cache': folder })).failed).toEqual({});
    expect(tuf.requests).not.toHaveLength(0);
  });

  test.each<[string, Record<string, string>]>([
    ['a repository without a root', { 'tuf-root': '' }],
    ['a root without a repository', { 'tuf-url': '' }],
    ['neither, and no trusted root', { 'tuf-root': '', 'tuf-url': '' }],
    ['a known instance', { instance: 'public-good' }],
    ['a trusted root', { 'trusted-root': PUBLIC_GOOD_TRUSTED_ROOT }],
  ])('%s does not go together with the rest', async (_name, inputs) => {
    expect((await verify(inputs)).error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(tuf.requests).toHaveLength(0);
  });
});

describe('the public-good instance', () => {
  const INPUTS = { instance: 'public-good', 'tuf-url': '', 'tuf-root': '' };

  /** Every name leads to a port of this machine on which nothing listens. */
  async function loadOffline(updates: string) {
    const http = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 2 } });
    const asked: string[] = [];
    const direct = http.request.bind(http);
    http.request = async ({ url }) => {
      asked.push(new URL(url).origin);
      return await direct({ method: 'GET', url: 'http://127.0.0.1:9/', attempts: 1 });
    };
    const given = { ...world.identity, ...INPUTS, 'trusted-root': '', 'trust-updates': updates };
    const inputs = await bench.kit.inputs(definition, given);
    const root = await loadTrustedRoot(inputs, { ...bench.kit.context, http }).catch((error: unknown) => error);
    return { root, asked, lines: bench.kit.lines, events: await bench.kit.events() };
  }

  test('off: asks nobody, and holds a bundle of another instance to what is embedded', async () => {
    expect(await verify({ ...INPUTS, 'trust-updates': 'off' })).toMatchObject({
      failed: { 'provenance-signed': 'CERTIFICATE_UNTRUSTED' },
      root: sha256(PUBLIC_GOOD_TRUSTED_ROOT),
    });
    expect((await loadOffline('off')).asked).toEqual([]);
  });

  test('preferred: says that it cannot be reached, in the log and as an event, and takes what is embedded', async () => {
    const { root, asked, lines, events } = await loadOffline('preferred');
    expect(root).toMatchObject({ sha256: sha256(PUBLIC_GOOD_TRUSTED_ROOT) });
    expect(new Set(asked)).toEqual(new Set(['https://tuf-repo-cdn.sigstore.dev']));
    expect(lines.join('\n')).toMatch(/::warning.*cannot be reached/);
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'trust-loaded', source: 'embedded', code: 'TUF_UNAVAILABLE' }),
    );
  });

  test('required: refuses', async () => {
    expect((await loadOffline('required')).root).toMatchObject({ code: 'TUF_UNAVAILABLE' });
  });

  test.each(['preferred', 'required', 'off'])('with a trusted root as well is wrong usage: %s', async (updates) => {
    const both = { ...INPUTS, 'trusted-root': world.trustedRoot, 'trust-updates': updates };
    expect((await verify(both)).error).toMatchObject({ code: 'INPUT_INVALID' });
  });
});
