import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement, type Statement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { parseTrustedRoot, type SignedBundle, type SigningSession, verifyBundle } from '../src/index.js';
import { type Loopback, startLoopbackSigstore } from './loopback.js';

const ARTIFACT = Buffer.from('the artifact');
const DIGEST = sha256(ARTIFACT);
/** Larger than some pieces of base64, and no multiple of one. */
const STATEMENT: Statement = buildStatement({
  predicateType: 'https://example.com/p/v1',
  subjects: [{ name: 'a', digest: { sha256: DIGEST.slice(7) } }],
  predicate: { text: 'é'.repeat(100_001) },
});

let loopback: Loopback;
let session: SigningSession;
let bytes: Buffer;
let signed: SignedBundle;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
  session = await loopback.open();
  bytes = encodeStatement(STATEMENT);
  signed = await session.signStatement(bytes);
});
afterAll(async () => {
  await loopback.close();
});

function options() {
  const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  return { trustedRoot, artifactDigest: DIGEST, policy: loopback.policy };
}

describe('a bundle in pieces', () => {
  test('is the bundle at once, with its digest, and verifies for everybody', () => {
    const parts = [...signed.parts()];
    expect(parts.length).toBeGreaterThan(4);
    expect(parts.join('')).toBe(signed.json);
    expect(signed.sha256).toBe(sha256(signed.json));
    const { dsseEnvelope } = JSON.parse(signed.json);
    expect(Buffer.from(dsseEnvelope.payload, 'base64').equals(bytes)).toBe(true);
    expect(verifyBundle({ ...options(), bundle: signed.json }).statement).toEqual(STATEMENT);
  });

  test('of a message too', async () => {
    const blob = await session.signBlob(ARTIFACT);
    expect([...blob.parts()].join('')).toBe(blob.json);
    expect(blob.sha256).toBe(sha256(blob.json));
    blob.assertVerifies({ ...options(), artifactBytes: ARTIFACT });
  });
});

describe('our own verification of it', () => {
  test('accepts what everybody accepts', () => {
    signed.assertVerifies({ ...options(), statement: STATEMENT });
    signed.assertVerifies(options());
  });

  test.each<[string, string, () => Parameters<SignedBundle['assertVerifies']>[0]]>([
    [
      'SUBJECT_MISMATCH',
      'another artifact',
      () => ({ ...options(), artifactDigest: sha256('x'), statement: STATEMENT }),
    ],
    [
      'SUBJECT_MISMATCH',
      'a statement about something else',
      () => ({ ...options(), statement: { ...STATEMENT, subject: [] } }),
    ],
    [
      'PREDICATE_TYPE_MISMATCH',
      'another type',
      () => ({ ...options(), predicateType: 'https://example.com/x', statement: STATEMENT }),
    ],
    [
      'REPOSITORY_MISMATCH',
      'another repository',
      () => ({ ...options(), policy: { ...loopback.policy, repositoryId: '1' }, statement: STATEMENT }),
    ],
  ])('%s: refuses %s', (code, _name, given) => {
    expect(() => signed.assertVerifies(given())).toThrow(expect.objectContaining({ code }));
  });

  test('SIGNATURE_INVALID: refuses one byte that changed after it was signed', async () => {
    const copy = Buffer.from(bytes);
    const changed = await session.signStatement(copy);
    changed.assertVerifies({ ...options(), statement: STATEMENT });
    copy[copy.length - 5] = (copy[copy.length - 5] ?? 0) ^ 1;
    expect(() => changed.assertVerifies({ ...options(), statement: STATEMENT })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(SIGNATURE_INVALID|LOG_ENTRY_MISMATCH)$/) }),
    );
  });
});
