import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { githubClaims, type SigstoreFault } from '@paved/testkit';
import {
  openKeySession,
  openSigningSession,
  parsePemKey,
  parseTrustedRoot,
  type SigningSession,
  verifyBundle,
} from '../src/index.js';
import { CLAIMS, type Loopback, startLoopbackSigstore } from './loopback.js';
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

  test('an instance without timestamp authority: the promise of the log says when', async () => {
    const { fulcioUrl, rekorV1Url } = loopback.sigstore;
    const open = (changes: object) =>
      openSigningSession({
        ...{ fulcioUrl, http: new HttpClient(), transparency: 'required', rekorUrl: rekorV1Url, rekorVersion: 1 },
        idToken: () => loopback.issuer.sign(githubClaims(CLAIMS), { audience: 'sigstore' }),
        ...changes,
      });
    const alone = await open({});
    for (const { json, transparency } of [await alone.signStatement(STATEMENT), await alone.signBlob(ARTIFACT)]) {
      expect(transparency).toBe('logged');
      expect(verify(json).transparency).toBe('logged');
      expect(json).not.toContain('signedTimestamp');
    }
    // Without the log there would be no time at all, and an entry of the newer log has none.
    for (const changes of [{ transparency: 'preferred' }, { transparency: 'off' }, { rekorVersion: 2 }]) {
      await expect(open(changes)).rejects.toMatchObject({ code: 'SESSION_INVALID' });
    }
  });

  test.each(['p256', 'rsa'] as const)(
    'a %s key is logged with its public key, and verifies under it alone',
    async (kind) => {
      const pem = (
        kind === 'p256'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 })
      ).privateKey
        .export({ format: 'pem', type: 'pkcs8' })
        .toString();
      const keyed = await openKeySession({
        ...{
          http: new HttpClient(),
          transparency: 'required',
          rekorUrl: loopback.sigstore.rekorV1Url,
          rekorVersion: 1,
        },
        key: parsePemKey({ pem, rsaPadding: 'pkcs1' }),
      });
      const { publicKey } = keyed;
      const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
      const options = { trustedRoot, artifactDigest: DIGEST, artifactBytes: ARTIFACT };
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
        format: 'pem',
        type: 'spki',
      });
      // The double knows a signature over a digest from P-256 alone.
      const blobs = kind === 'p256' ? [await keyed.signBlob(ARTIFACT)] : [];
      for (const { json } of [await keyed.signStatement(STATEMENT), ...blobs]) {
        const policy = { publicKey, rsaPadding: 'pkcs1' } as const;
        expect(verifyBundle({ ...options, bundle: json, policy }).transparency).toBe('logged');
        expect(() => verifyBundle({ ...options, bundle: json, policy: { publicKey: other.toString() } })).toThrow();
      }
    },
  );

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
