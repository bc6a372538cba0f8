import { createHash, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type Certificate, readCertificate } from '../src/verify/certificate-fields.js';
import { verifyScts } from '../src/verify/sct.js';
import type { LogKey } from '../src/verify/trust-material.js';
import {
  AUTHORITY,
  type CertificateParts,
  certificate,
  keyUsage,
  newKey,
  octets,
  oid,
  sequence,
  signedPart,
} from './made-certificates.js';

const SCT_LIST = '2b06010401d679020402';
const [ROOT, LEAF, LOG] = [newKey(), newKey(), newKey()];
const AT = Date.now();
const WINDOW = { start: new Date(AT - 60_000), end: new Date(AT + 60_000) };
const spki = LOG.publicKey.export({ format: 'der', type: 'spki' });
const id = createHash('sha256').update(spki).digest();
const log: LogKey = { baseUrl: '', id, publicKey: LOG.publicKey, spki, validFor: WINDOW };

const issued = { issuer: 'root', signer: ROOT.privateKey, now: AT };
const rootParts = { ...issued, subject: 'root', key: ROOT.publicKey, extensions: AUTHORITY };
const root = readCertificate(certificate(rootParts));
const PARTS: CertificateParts = {
  ...issued,
  subject: 'leaf',
  key: LEAF.publicKey,
  serialNumber: Buffer.from([5]),
  extensions: [keyUsage(0x80)],
};

interface SctParts {
  readonly key?: KeyObject;
  readonly logId?: Buffer;
  readonly time?: number;
  readonly version?: number;
  readonly hash?: number;
  readonly extensions?: Buffer;
  /** What the log signed, where that is something else than what the SCT has. */
  readonly signedExtensions?: Buffer;
  readonly issuerKey?: Buffer;
  readonly behind?: Buffer;
}

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, Math.max(0, length - 6), Math.min(length, 6));
  return bytes;
}

const vector = (bytes: Buffer) => Buffer.concat([number(bytes.length, 2), bytes]);
const NOTHING = Buffer.alloc(0);

/** RFC 6962, section 3.2. */
function sctOf(precertificate: Buffer, given: SctParts): Buffer {
  const { key = LOG.privateKey, logId = log.id, time = AT, version = 0, hash = 4, behind = NOTHING } = given;
  const { extensions = NOTHING, signedExtensions = extensions, issuerKey = root.spki } = given;
  const signed = Buffer.concat([
    Buffer.from([version, 0]),
    number(time, 8),
    Buffer.from([0, 1]),
    createHash('sha256').update(issuerKey).digest(),
    number(precertificate.length, 3),
    precertificate,
    vector(signedExtensions),
  ]);
  const head = [Buffer.from([version]), logId, number(time, 8), vector(extensions), Buffer.from([hash, 3])];
  return Buffer.concat([...head, vector(sign('sha256', signed, key)), behind]);
}

/** The certificate with this list of promises in it. */
function withList(list: Buffer, parts: CertificateParts = PARTS): Certificate {
  const extension = sequence(oid(SCT_LIST), octets(octets(list)));
  return readCertificate(certificate({ ...parts, extensions: [...parts.extensions, extension] }));
}

/** A certificate with promises about itself without them. */
function promised(...given: readonly SctParts[]): Certificate {
  const precertificate = signedPart(PARTS);
  return withList(vector(Buffer.concat(given.map((one) => vector(sctOf(precertificate, one))))));
}

const withCode = (code: string) => expect.objectContaining({ code });

test.each<[string, readonly SctParts[]]>([
  ['one promise', [{}]],
  ['two promises', [{}, { time: AT - 1000 }]],
  ['a promise with extensions', [{ extensions: Buffer.from('more') }]],
])('a certificate with %s verifies', (_name, given) => {
  expect(() => verifyScts(promised(...given), root, [log])).not.toThrow();
});

describe('a promise does not verify', () => {
  test.each<[string, SctParts]>([
    ['of another key', { key: newKey().privateKey }],
    ['of a log that the trusted root does not name', { logId: Buffer.alloc(32) }],
    ['of a time before the key was trusted', { time: AT - 120_000 }],
    ['of a time after the key was trusted', { time: AT + 120_000 }],
    ['of another version', { version: 1 }],
    ['with another hash', { hash: 2 }],
    ['with extensions that the log did not sign', { extensions: Buffer.from('more'), signedExtensions: NOTHING }],
    ['about a certificate of another issuer', { issuerKey: LEAF.publicKey.export({ format: 'der', type: 'spki' }) }],
    ['with bytes behind its end', { behind: Buffer.from([0]) }],
  ])('%s', (_name, given) => {
    expect(() => verifyScts(promised(given), root, [log])).toThrow(withCode('SCT_INVALID'));
    // One that is valid does not cover for it.
    expect(() => verifyScts(promised({}, given), root, [log])).toThrow(withCode('SCT_INVALID'));
  });

  test('about another certificate', () => {
    const list = vector(vector(sctOf(signedPart(PARTS), {})));
    for (const change of [{ subject: 'other' }, { serialNumber: Buffer.from([6]) }, { extensions: [keyUsage(0x86)] }]) {
      expect(() => verifyScts(withList(list, { ...PARTS, ...change }), root, [log])).toThrow(withCode('SCT_INVALID'));
    }
  });

  test.each<[string, (list: Buffer) => Buffer]>([
    ['in a list that is cut off', (list) => list.subarray(0, -1)],
    ['in a list with bytes behind its end', (list) => Buffer.concat([list, Buffer.from([0])])],
    ['in a list that says it is longer', (list) => Buffer.concat([number(list.length, 2), list.subarray(2)])],
  ])('%s', (_name, change) => {
    const list = vector(vector(sctOf(signedPart(PARTS), {})));
    expect(() => verifyScts(withList(change(list)), root, [log])).toThrow(withCode('SCT_INVALID'));
  });
});

test('whether there has to be one is decided by the trusted root', () => {
  const bare = readCertificate(certificate(PARTS));
  expect(() => verifyScts(bare, root, [log])).toThrow(withCode('SCT_MISSING'));
  expect(() => verifyScts(withList(vector(NOTHING)), root, [log])).toThrow(withCode('SCT_MISSING'));
  expect(() => verifyScts(bare, root, [])).not.toThrow();
  expect(() => verifyScts(promised({}), root, [])).toThrow(withCode('SCT_INVALID'));
});
