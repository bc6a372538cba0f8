import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { githubClaims, type Issuer, type Sigstore, startIssuer, startSigstore } from '../src/index.js';
import { MerkleTree } from '../src/sigstore/merkle.js';
import { verifyPrehashed } from '../src/sigstore/p256.js';

let issuer: Issuer;
let other: Issuer;
let sigstore: Sigstore;
beforeAll(async () => {
  [issuer, other] = await Promise.all([startIssuer(), startIssuer()]);
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  await Promise.all([sigstore.close(), issuer.close(), other.close()]);
});

function hash(...parts: Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

describe('MerkleTree', () => {
  test('roots are those of RFC 6962 written out by hand', () => {
    const tree = new MerkleTree();
    expect(tree.root()).toEqual(hash());
    const [a, b, c] = ['a', 'b', 'c'].map((text) => hash(Buffer.from([0]), Buffer.from(text))) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    for (const text of ['a', 'b', 'c']) tree.append(Buffer.from(text));
    const ab = hash(Buffer.from([1]), a, b);
    expect(tree.root()).toEqual(hash(Buffer.from([1]), ab, c));
    expect(tree.proof(0)).toEqual([b, c]);
    expect(tree.proof(2)).toEqual([ab]);
  });
});

describe('verifyPrehashed', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  test('agrees with the platform over many signatures, and refuses one changed bit', () => {
    for (let round = 0; round < 10; round++) {
      const data = Buffer.from(`round ${round}`);
      const signature = sign('sha256', data, privateKey);
      expect(verifyPrehashed(publicKey, hash(data), signature)).toBe(true);
      const changed = hash(data);
      changed[31] = (changed[31] ?? 0) ^ 1;
      expect(verifyPrehashed(publicKey, changed, signature)).toBe(false);
      expect(verifyPrehashed(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, hash(data), signature)).toBe(
        false,
      );
    }
  });

  test('a key of another curve verifies nothing', () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    expect(verifyPrehashed(p384.publicKey, hash(), sign('sha256', Buffer.alloc(0), p384.privateKey))).toBe(false);
  });
});

async function requestCertificate(token: string, proofOf: string): Promise<Response> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return await fetch(`${sigstore.fulcioUrl}/api/v2/signingCert`, {
    method: 'POST',
    body: JSON.stringify({
      credentials: { oidcIdentityToken: token },
      publicKeyRequest: {
        publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
        proofOfPossession: sign('sha256', Buffer.from(proofOf), privateKey).toString('base64'),
      },
    }),
  });
}

describe('the certificate authority', () => {
  const claims = githubClaims();
  const subject = claims.sub ?? '';
  test('answers a valid token and proof, and counts as control', async () => {
    const token = await issuer.sign(claims, { audience: 'sigstore' });
    expect((await requestCertificate(token, subject)).status).toBe(200);
    expect((await requestCertificate(token, 'another subject')).status).toBe(400);
  });

  test.each([
    ['another issuer', () => other.sign(claims, { audience: 'sigstore' })],
    ['another audience', () => issuer.sign(claims, { audience: 'registry' })],
    ['an expired token', () => issuer.sign(claims, { audience: 'sigstore', lifetimeSeconds: -10 })],
    [
      'a token without job_workflow_ref',
      () => issuer.sign({ sub: subject, repository: 'a/b' }, { audience: 'sigstore' }),
    ],
  ])('refuses %s', async (_name, token) => {
    expect((await requestCertificate(await token(), subject)).status).toBe(401);
  });

  test('publishes its chain', async () => {
    const body = await (await fetch(`${sigstore.fulcioUrl}/api/v2/trustBundle`)).text();
    expect(body).toContain('BEGIN CERTIFICATE');
  });
});

test('the log refuses a signature that does not verify', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = Buffer.from('data');
  const response = await fetch(`${sigstore.rekorUrl}/api/v2/log/entries`, {
    method: 'POST',
    body: JSON.stringify({
      hashedRekordRequestV002: {
        digest: hash(data).toString('base64'),
        signature: {
          content: sign('sha256', data, other.privateKey).toString('base64'),
          verifier: {
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            publicKey: { rawBytes: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') },
          },
        },
      },
    }),
  });
  expect(response.status).toBe(400);
});

test('requests are logged with service and path', async () => {
  await fetch(`${sigstore.rekorUrl}/api/v2/checkpoint`);
  expect(sigstore.requests.at(-1)).toMatchObject({ service: 'rekor', method: 'GET', path: '/api/v2/checkpoint' });
});
