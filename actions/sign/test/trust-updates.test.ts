import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { testContext } from '@paved/runner-kit/testing';
import { startTuf, type TufDouble } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { loadTrust } from '../src/load-trust.js';
import { type Instance, type Outcome, sign, startInstance } from './scenario.js';

let instance: Instance;
let tuf: TufDouble;
beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});
beforeEach(async () => {
  const service = (url: string, majorApiVersion: number) => [
    { url, majorApiVersion, operator: 'a', validFor: { start: '2020-01-01T00:00:00Z' } },
  ];
  const config = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: service(instance.sigstore.fulcioUrl, 1),
    rekorTlogUrls: service(instance.sigstore.rekorUrl, 2),
    tsaUrls: service(instance.sigstore.tsaUrl, 1),
  };
  tuf = await startTuf({
    'trusted_root.json': instance.sigstore.trustedRoot,
    'signing_config.v0.2.json': JSON.stringify(config),
  });
});
afterEach(async () => {
  await tuf.close();
});

function signWith(inputs: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const none = { 'fulcio-url': '', 'rekor-url': '', 'tsa-url': '', 'trusted-root': '' };
  const repository = { 'tuf-url': tuf.url, 'tuf-root': tuf.root.toString('utf8') };
  const files = { 'workspace/app.tar': 'the released file' };
  return sign(instance, { files, inputs: { ...none, ...repository, blobs: 'app.tar', ...inputs } });
}

describe('an instance with an update repository', () => {
  test('gets its services and its trusted root from there, and its bundles are verified against that', async () => {
    const outcome = await signWith({ 'trust-cache': 'TEMP/trust' });
    expect(outcome.error).toBeUndefined();
    expect(outcome.outputs).toMatchObject({ transparency: 'logged' });
    expect(outcome.kit.summary()).toContain('each verified before it was written');
    expect((await outcome.files()).filter((name) => name.startsWith('temp/trust/'))).toContain('temp/trust/checked');
  });

  test('that is served by somebody else signs nothing, and no token is asked for', async () => {
    tuf.publish({ strangers: ['timestamp'] });
    const outcome = await signWith();
    expect(outcome.error).toMatchObject({ code: 'TUF_SIGNATURE_INVALID' });
    expect(outcome.tokens).toHaveLength(0);
  });

  test('that cannot be reached signs nothing: there is nothing embedded for it', async () => {
    tuf.outage = 503;
    const outcome = await signWith({ 'trust-updates': 'preferred' });
    expect(outcome.error).toMatchObject({ code: 'TUF_UNAVAILABLE' });
  });

  test.each<[string, Record<string, string>]>([
    ['a repository without a root', { 'tuf-root': '' }],
    ['a root without a repository', { 'tuf-url': '' }],
    ['a known instance', { instance: 'public-good' }],
    ['addresses', { 'fulcio-url': 'https://fulcio.example' }],
  ])('%s does not go together with the rest', async (_name, inputs) => {
    const outcome = await signWith(inputs);
    expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(tuf.requests).toHaveLength(0);
    expect(outcome.tokens).toHaveLength(0);
  });
});

describe('the public-good instance', () => {
  /** Every name leads to a port of this machine on which nothing listens. */
  async function loadOffline(updates: string) {
    const kit = await testContext({ action: 'sign' });
    const http = new HttpClient({ retry: { baseDelayMs: 1, maxDelayMs: 2 } });
    const asked: string[] = [];
    const direct = http.request.bind(http);
    http.request = async ({ url }) => {
      asked.push(new URL(url).origin);
      return await direct({ method: 'GET', url: 'http://127.0.0.1:9/', attempts: 1 });
    };
    const inputs = await kit.inputs(definition, { instance: 'public-good', 'trust-updates': updates, blobs: '' });
    const trust = await loadTrust(inputs, { ...kit.context, http }).catch((error: unknown) => error);
    return { trust, asked, lines: kit.lines, events: await kit.events() };
  }

  test('preferred: says that it cannot be reached, in the log and as an event, and takes what is embedded', async () => {
    const { trust, asked, lines, events } = await loadOffline('preferred');
    expect(trust).toMatchObject({ source: 'embedded' });
    expect(new Set(asked)).toEqual(new Set(['https://tuf-repo-cdn.sigstore.dev']));
    expect(lines.join('\n')).toMatch(/::warning.*cannot be reached/);
    expect(events).toEqual([
      expect.objectContaining({ event: 'trust-loaded', source: 'embedded', code: 'TUF_UNAVAILABLE' }),
    ]);
  });

  test('required: refuses; off: asks nobody', async () => {
    expect((await loadOffline('required')).trust).toMatchObject({ code: 'TUF_UNAVAILABLE' });
    const { trust, asked, lines } = await loadOffline('off');
    expect(trust).toMatchObject({ source: 'embedded' });
    expect([asked, lines]).toEqual([[], []]);
  });
});
