import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { isIssuedByAuthority, readLoggedSigner } from '../src/log.js';
import { verifyMaterial } from '../src/verify-material.js';
import { certificate, newKey } from './made-certificates.js';
import { LEAF, LOG_KEY, type LogBody, madeInstance, OWN } from './made-instance.js';
import { type MadeLogParts, madeLog, namedId } from './made-log.js';

const leaf = certificate(LEAF);
const decoy = certificate({ ...LEAF, ...OWN });
const base64 = (bytes: Buffer) => bytes.toString('base64');
const raw = (der: Buffer) => ({ x509Certificate: { rawBytes: base64(der) } });

/** Which certificates the one that follows the log sees in the entry of a bundle. */
function seen({ bundle }: ReturnType<typeof madeInstance>): readonly Buffer[] {
  const [entry] = bundle.verificationMaterial.tlogEntries;
  return readLoggedSigner(entry?.canonicalizedBody ?? Buffer.alloc(0)).certificates;
}

test('who follows the log sees the certificate of a bundle that verifies', () => {
  const signed = madeInstance({ leaf });
  expect(verifyMaterial(signed).logged).toBe(true);
  expect(seen(signed)).toEqual([leaf]);
});

/** The entry of a bundle as a log of the first version writes it, with `more` beside it. */
function older({ spec }: LogBody, more: object = {}): LogBody {
  const { signature, data } = spec.hashedRekordV002;
  const content = base64(Buffer.from(new X509Certificate(leaf).toString()));
  const hash = { algorithm: 'sha256', value: Buffer.from(data.digest, 'base64').toString('hex') };
  const first = { signature: { content: signature.content, publicKey: { content } }, data: { hash } };
  return { kind: 'hashedrekord', apiVersion: '0.0.1', spec: { ...first, ...more } as unknown as LogBody['spec'] };
}

const decoyOf = ({ hashedRekordV002: record }: LogBody['spec']) => ({
  hashedRekordV002: { ...record, signature: { ...record.signature, verifier: raw(decoy) } },
});

describe('nothing that a log writes hides the certificate of a bundle that verifies from who follows it', () => {
  test.each<[string, (body: LogBody) => LogBody]>([
    ['an older kind', older],
    ['an older kind with a newer one beside it', (body) => older(body, decoyOf(body.spec))],
    [
      'another kind beside it that nobody can read',
      ({ spec, ...body }) => ({ ...body, spec: { ...spec, dsseV002: 5 } }),
    ],
  ])('%s', (_name, body) => {
    const signed = madeInstance({ leaf, body });
    expect(verifyMaterial(signed).logged).toBe(true);
    expect(seen(signed)).toEqual([leaf]);
  });

  test('a certificate in the place of a bare key is not logged', () => {
    const signed = madeInstance({ leaf, verifier: { publicKey: { rawBytes: base64(leaf) } } });
    expect(seen(signed)).toEqual([]);
    expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
  });
});

describe('a certificate is news when it could be accepted at any time', () => {
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  test('also one that is dated before its authority was trusted', () => {
    const signed = madeInstance({ leaf, trusted: { start: at(-5) } });
    expect(verifyMaterial(signed).logged).toBe(true);
    expect(isIssuedByAuthority(leaf, signed.trustedRoot)).toBe(true);
  });

  test.each<[string, { start: string; end?: string }]>([
    ['after it', { start: at(60) }],
    ['before it', { start: at(-120), end: at(-60) }],
  ])('not when its authority was trusted only %s', (_name, trusted) => {
    const signed = madeInstance({ leaf, trusted });
    expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_UNTRUSTED' }));
    expect(isIssuedByAuthority(leaf, signed.trustedRoot)).toBe(false);
  });
});

describe('the key of a log counts while it is trusted', () => {
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  test.each<[string, { start: string; end?: string }]>([
    ['that has ended', { start: at(-120), end: at(-60) }],
    ['that has not begun', { start: at(60) }],
  ])('a proof of a log %s proves nothing', (_name, validFor) => {
    const signed = madeInstance({ leaf, log: { validFor } });
    expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'LOG_UNTRUSTED' }));
  });

  test('one that ended after the bundle was signed is good', () => {
    const signed = madeInstance({ leaf, log: { validFor: { start: at(-120), end: at(60) } } });
    expect(verifyMaterial(signed).logged).toBe(true);
  });
});

describe('a checkpoint is one of the log that the trusted root names', () => {
  const id = namedId('log.example', LOG_KEY.publicKey);
  test.each<[string, Partial<MadeLogParts>]>([
    ['of Rekor v2', { id }],
    ['of Rekor v1, which names its tree', { origin: 'log.example - 1193050959916656506' }],
  ])('%s', (_name, log) => {
    expect(verifyMaterial(madeInstance({ leaf, log })).logged).toBe(true);
  });

  test.each<[string, Partial<MadeLogParts>]>([
    ['of another tree under the same key', { id, origin: 'other.example' }],
    ['of a tree behind the name', { id, origin: 'log.example - 2' }],
    ['of another name under the key of Rekor v1', { origin: 'other.example' }],
    ['without a name', { origin: '' }],
    ['of a part of the name under the key of Rekor v2', { id, origin: 'log', name: 'log' }],
  ])('and not one %s', (_name, log) => {
    const signed = madeInstance({ leaf, log });
    expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CHECKPOINT_INVALID' }));
  });
});

describe('a log that the trusted root names by two ids', () => {
  const key = newKey();
  const { tlog } = madeLog({ host: 'log.example', key });
  const full = Buffer.from(tlog.logId.keyId, 'base64');
  const both = { ...tlog, checkpointKeyId: { keyId: base64(full.subarray(0, 4)) } };

  test('is the one of an entry that names either of them', () => {
    for (const entryId of [full, full.subarray(0, 4)]) {
      expect(verifyMaterial(madeInstance({ leaf, log: { key, entryId }, logs: [both] })).logged).toBe(true);
    }
  });

  test('has no second entry where one names it by the one and one by the other', () => {
    const signed = madeInstance({ leaf, log: { key, entryId: full }, logs: [both] });
    const other = madeInstance({ leaf, log: { key, entryId: full.subarray(0, 4) }, logs: [both] });
    const { verificationMaterial: material } = signed.bundle;
    const [entry] = material.tlogEntries;
    const twice = other.bundle.verificationMaterial.tlogEntries.map(({ logId }) => ({ ...entry, logId }));
    const tlogEntries = [...material.tlogEntries, ...twice] as typeof material.tlogEntries;
    const bundle = { ...signed.bundle, verificationMaterial: { ...material, tlogEntries } } as typeof signed.bundle;
    expect(() => verifyMaterial({ ...signed, bundle })).toThrow(
      expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }),
    );
  });

  test('and not of one that names another, or none', () => {
    for (const entryId of [full.subarray(0, 5), Buffer.alloc(32), Buffer.alloc(0)]) {
      const signed = madeInstance({ leaf, log: { key, entryId }, logs: [both] });
      expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'LOG_UNTRUSTED' }));
    }
  });

  test('has one at least', () => {
    const { logId: _id, ...nameless } = tlog;
    for (const log of [nameless, { ...tlog, logId: { keyId: '' } }]) {
      const make = () => madeInstance({ leaf, logs: [log] });
      expect(make).toThrow(expect.objectContaining({ code: 'TRUSTED_ROOT_MALFORMED' }));
    }
  });
});
