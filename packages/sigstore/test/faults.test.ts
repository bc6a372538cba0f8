import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { describeError, errorChain } from '@paved/errors';
import type { SigstoreFault } from '@paved/testkit';
import { type Loopback, startLoopbackSigstore } from './loopback.js';

let loopback: Loopback;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
});
afterAll(async () => {
  await loopback.close();
});
afterEach(() => {
  for (const service of ['fulcio', 'rekor', 'tsa'] as const) delete loopback.sigstore.faults[service];
});

const BYTES = Buffer.from('bytes');
/** Short, so that a hanging service does not hold the test. */
const timeouts = { fulcioMs: 1500, tsaMs: 1500 };

/** Code, fault, and how often the service was asked. */
type Row = [string, SigstoreFault, number];

function countRequests(service: string): number {
  return loopback.sigstore.requests.filter((request) => request.service === service).length;
}

describe('faults of the services', () => {
  test.each([
    ['FULCIO_UNAVAILABLE', { status: 503 }, 3],
    ['FULCIO_UNAVAILABLE', { delayMs: 6000 }, 3],
    ['FULCIO_REFUSED', { status: 403 }, 1],
    ['FULCIO_ANSWER_INVALID', { status: 200, body: () => '{}' }, 1],
    ['FULCIO_ANSWER_INVALID', { status: 200, body: () => 'not JSON' }, 1],
  ] satisfies Row[])('%s when the authority gives %j', async (code, fault, attempts) => {
    loopback.sigstore.faults.fulcio = { ...fault };
    const before = countRequests('fulcio');
    await expect(loopback.open({ timeouts })).rejects.toMatchObject({ code });
    expect(countRequests('fulcio') - before).toBe(attempts);
  });

  test.each([
    ['REKOR_UNAVAILABLE', { status: 502 }, 3],
    ['REKOR_REFUSED', { status: 400 }, 1],
    ['REKOR_ANSWER_INVALID', { status: 201, body: () => '{"logIndex":"0"}' }, 1],
    ['REKOR_ANSWER_INVALID', { status: 201, body: () => '<html>' }, 1],
  ] satisfies Row[])('%s when the log gives %j', async (code, fault, attempts) => {
    const session = await loopback.open();
    loopback.sigstore.faults.rekor = { ...fault };
    const before = countRequests('rekor');
    await expect(session.signBlob(BYTES)).rejects.toMatchObject({ code });
    expect(countRequests('rekor') - before).toBe(attempts);
  });

  test.each([
    ['TSA_UNAVAILABLE', { status: 500 }, 3],
    ['TSA_UNAVAILABLE', { delayMs: 6000 }, 3],
    ['TSA_REFUSED', { status: 404 }, 1],
    ['TSA_ANSWER_INVALID', { status: 200, body: () => 'hello' }, 1],
    ['TSA_ANSWER_INVALID', { status: 200, body: () => '0\x050\x03\x02\x01\x02' }, 1],
  ] satisfies Row[])('%s when the timestamp authority gives %j', async (code, fault, attempts) => {
    const session = await loopback.open({ timeouts });
    loopback.sigstore.faults.tsa = { ...fault };
    const before = countRequests('tsa');
    await expect(session.signBlob(BYTES)).rejects.toMatchObject({ code });
    expect(countRequests('tsa') - before).toBe(attempts);
  });

  test('a failure that passes is retried, and the signature is whole', async () => {
    const session = await loopback.open();
    loopback.sigstore.faults.rekor = { status: 502, times: 2 };
    loopback.sigstore.faults.tsa = { status: 503, times: 1 };
    await expect(session.signBlob(BYTES)).resolves.toMatchObject({ transparency: 'logged' });
  });

  test('an entry that the log has already is signed anew', async () => {
    const session = await loopback.open();
    loopback.sigstore.faults.rekor = { status: 409, times: 1 };
    await expect(session.signBlob(BYTES)).resolves.toMatchObject({ transparency: 'logged' });
    loopback.sigstore.faults.rekor = { status: 409 };
    await expect(session.signBlob(BYTES)).rejects.toMatchObject({ code: 'REKOR_DUPLICATE' });
  });

  test('a preferred log may be unreachable, but neither refuse nor lie', async () => {
    const events: string[] = [];
    const session = await loopback.open({ transparency: 'preferred', onProgress: ({ event }) => events.push(event) });
    loopback.sigstore.faults.rekor = { status: 502 };
    await expect(session.signBlob(BYTES)).resolves.toMatchObject({ transparency: 'timestamp-only' });
    expect(events).toEqual(['certificate', 'log-unavailable', 'signed']);
    loopback.sigstore.faults.rekor = { status: 400 };
    await expect(session.signBlob(BYTES)).rejects.toMatchObject({ code: 'REKOR_REFUSED' });
    loopback.sigstore.faults.rekor = { status: 201, body: () => '{}' };
    await expect(session.signBlob(BYTES)).rejects.toMatchObject({ code: 'REKOR_ANSWER_INVALID' });
  });
});

describe('no error carries the token', () => {
  test.each([
    ['echoes the request', (body: string) => body],
    [
      'echoes the tail of the token',
      (body: string) => body.slice(body.indexOf('eyJ') + 600, body.indexOf('eyJ') + 640),
    ],
  ])('an authority that %s', async (_name, body) => {
    for (const status of [400, 503, 200]) {
      loopback.sigstore.faults.fulcio = { status, body };
      const error = await loopback.open().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const token = loopback.tokens.at(-1) ?? '';
      const text = `${describeError(error)}${errorChain(error).map((link) => (link instanceof Error ? link.stack : ''))}`;
      expect(text).toContain('certificate authority');
      for (let start = 0; start + 16 <= token.length; start += 4) {
        expect(text.includes(token.slice(start, start + 16))).toBe(false);
      }
    }
  });

  test('control: an answer without the token is shown', async () => {
    loopback.sigstore.faults.fulcio = { status: 400, body: () => 'this issuer is not known here' };
    const error: unknown = await loopback.open().catch((reason: unknown) => reason);
    expect(describeError(error)).toContain('this issuer is not known here');
  });
});
