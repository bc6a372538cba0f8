import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { describeError } from '@paved/errors';
import { githubClaims } from '@paved/testkit';
import { parseTrustedRoot, type SigningProgress, type SigningSession, verifyBundle } from '../src/index.js';
import { CLAIMS, type Loopback, startLoopbackSigstore } from './loopback.js';

let loopback: Loopback;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
});
afterAll(async () => {
  await loopback.close();
});

const BYTES = Buffer.from('bytes');

function verify(bundle: string): void {
  const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  verifyBundle({ bundle, trustedRoot, artifactDigest: sha256(BYTES), artifactBytes: BYTES, policy: loopback.policy });
}

/** A margin that leaves a certificate of the double this many milliseconds, up to a second more: its end is written in whole seconds. */
async function marginFor(lifetimeMs: number): Promise<number> {
  const session = await loopback.open();
  session.close();
  return session.certificate.notAfter.getTime() - Date.now() - lifetimeMs;
}

/** Tokens of seconds, as of a job whose endpoint gives out short ones; long enough to arrive on a machine that is busy. */
async function shortToken(): Promise<string> {
  return await loopback.issuer.sign(githubClaims(CLAIMS), { audience: 'sigstore', lifetimeSeconds: 4 });
}

describe('a run that is longer than its token and its certificate', () => {
  test('gets a fresh token and a new certificate, once for all who wait, and goes on', async () => {
    const events: SigningProgress[] = [];
    let tokens = 0;
    const session: SigningSession = await loopback.open({
      renewalMarginMs: await marginFor(4000),
      onProgress: (progress) => events.push(progress),
      idToken: async () => {
        tokens += 1;
        return await shortToken();
      },
    });
    const first = await Promise.all([session.signBlob(BYTES), session.signBlob(BYTES)]);
    expect(tokens).toBe(1);
    // The token that the session began with is worth nothing any more.
    await sleep(5200);
    const second = await Promise.all(Array.from({ length: 8 }, () => session.signBlob(BYTES)));
    expect(tokens).toBe(2);
    expect(events.filter(({ event }) => event === 'certificate')).toHaveLength(2);
    const [before, after] = [first, second].map((bundles) => new Set(bundles.map(({ certificate }) => certificate)));
    expect([before?.size, after?.size]).toEqual([1, 1]);
    expect(before).not.toEqual(after);
    for (const { json } of [...first, ...second]) verify(json);
  });

  test.each<[string, string, () => Promise<string>]>([
    [
      'FULCIO_REFUSED',
      'a token that has expired too',
      () => loopback.issuer.sign(githubClaims(CLAIMS), { audience: 'sigstore', lifetimeSeconds: -5 }),
    ],
    [
      'ID_TOKEN_AUDIENCE',
      'a token for somebody else',
      () => loopback.issuer.sign(githubClaims(CLAIMS), { audience: 'registry' }),
    ],
    [
      'CERTIFICATE_CLAIMS_MISMATCH',
      'a token of another job',
      () => loopback.issuer.sign(githubClaims({ ...CLAIMS, repository: 'acme/other' }), { audience: 'sigstore' }),
    ],
  ])('%s: %s ends it, and shows nothing of it', async (code, _name, next) => {
    let [count, shown] = [0, ''];
    const session = await loopback.open({
      renewalMarginMs: await marginFor(200),
      idToken: async () => {
        count += 1;
        const token = count === 1 ? await shortToken() : await next();
        shown = token;
        return token;
      },
    });
    await sleep(1600);
    const error: unknown = await session.signBlob(BYTES).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(describeError(error)).not.toContain(shown.slice(-40));
  });

  test("a token that is nowhere to be had ends it with the endpoint's own error", async () => {
    let count = 0;
    const session = await loopback.open({
      renewalMarginMs: await marginFor(200),
      idToken: async () => {
        count += 1;
        if (count > 1) throw new RangeError('the endpoint refuses');
        return await shortToken();
      },
    });
    await sleep(1600);
    await expect(session.signBlob(BYTES)).rejects.toThrow('the endpoint refuses');
  });
});
