import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startTuf, type TufDouble } from '@paved/testkit';
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
