import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import type { SigstoreFault } from '@paved/testkit';
import { parseTrustedRoot, type SigningSession, verifyBundle } from '../src/index.js';
import { type Loopback, startLoopbackSigstore } from './loopback.js';
import { changed, valueAt } from './tamper.js';

const ARTIFACT = Buffer.from('the artifact');
const DIGEST = sha256(ARTIFACT);
const STATEMENT = encodeStatement(
  buildStatement({
    predicateType: 'https://slsa.dev/provenance/v1',
    subjects: [{ name: 'widget.tar', digest: { sha256: DIGEST.slice('sha256:'.length) } }],
    predicate: {},
  }),
);

let loopback: Loopback;
let session: SigningSession;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
  session = await loopback.open({ rekorUrl: loopback.sigstore.rekorV1Url, rekorVersion: 1 });
});
afterAll(async () => {
  await loopback.close();
});
afterEach(() => {
  delete loopback.sigstore.faults.rekor;
});

function verify(bundle: string) {
  const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  return verifyBundle({
    bundle,
    trustedRoot,
    artifactDigest: DIGEST,
    artifactBytes: ARTIFACT,
    policy: loopback.policy,
  });
}

describe('Rekor v1', () => {
  test.each([
    ['dsse', () => session.signStatement(STATEMENT)],
    ['hashedrekord', () => session.signBlob(ARTIFACT)],
  ])('an entry of kind %s verifies, and not when it is that of another signer', async (kind, sign) => {
    // First, so that its certificate is valid at the time of ours.
    const other = (await (await loopback.open()).signBlob(ARTIFACT)).json;
    const { json, transparency } = await sign();
    expect(transparency).toBe('logged');
    expect(valueAt(json, ['verificationMaterial', 'tlogEntries', 0, 'kindVersion', 'kind'])).toBe(kind);
    expect(verify(json).transparency).toBe('logged');
    const path = ['verificationMaterial', 'certificate', 'rawBytes'];
    expect(() => verify(changed(json, path, () => valueAt(other, path)))).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }),
    );
  });

  test.each([
    ['REKOR_UNAVAILABLE', { status: 502 }],
    ['REKOR_REFUSED', { status: 400 }],
    ['REKOR_ANSWER_INVALID', { status: 201, body: () => '{}' }],
    ['REKOR_ANSWER_INVALID', { status: 201, body: () => '<html>' }],
    ['REKOR_REFUSED', { status: 404 }],
  ] satisfies [string, SigstoreFault][])('%s when the log gives %j', async (code, fault) => {
    loopback.sigstore.faults.rekor = fault;
    await expect(session.signStatement(STATEMENT)).rejects.toMatchObject({ code });
  });

  test("another statement's entry is not ours", async () => {
    const rekorUrl = loopback.sigstore.rekorV1Url;
    const stolen = await fetchEntry(
      rekorUrl,
      loopback.sigstore.requests.find(({ path }) => path.includes('v1/log'))?.body,
    );
    loopback.sigstore.faults.rekor = { status: 201, body: () => stolen };
    await expect(session.signStatement(STATEMENT)).rejects.toMatchObject({ code: 'REKOR_ANSWER_INVALID' });
  });
});

async function fetchEntry(rekorUrl: string, body: string | undefined): Promise<string> {
  const response = await fetch(`${rekorUrl}/api/v1/log/entries`, { method: 'POST', body: body ?? '' });
  return await response.text();
}
