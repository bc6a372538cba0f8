import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { type Issuer, type Sigstore, startIssuer, startSigstore } from '@paved/testkit';
import { parseBundle } from '../src/bundle.js';
import { DER, encodeElement } from '../src/der.js';
import { parseTrustedRoot, TimestampWitness } from '../src/index.js';
import { verifyMaterial } from '../src/verify-material.js';

const ARTIFACT = Buffer.from('an artifact');
const SAN = 'https://github.com/org/paved/.github/workflows/release.yml@refs/tags/v1';
const PURPOSES = {
  codeSigning: '2b06010505070303',
  serverAuth: '2b06010505070301',
  emailProtection: '2b06010505070304',
};
const P256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

let issuer: Issuer;
let sigstore: Sigstore;
const http = new HttpClient();
beforeAll(async () => {
  issuer = await startIssuer();
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  http.close();
  await Promise.all([sigstore.close(), issuer.close()]);
});

const sequence = (...parts: readonly Buffer[]) => encodeElement(DER.sequence, ...parts);
const oid = (hex: string) => encodeElement(DER.objectIdentifier, Buffer.from(hex, 'hex'));
const integer = (...bytes: readonly number[]) => encodeElement(DER.integer, Buffer.from(bytes));
const octets = (value: Buffer) => encodeElement(DER.octetString, value);
const critical = encodeElement(DER.boolean, Buffer.from([0xff]));
const name = (text: string) =>
  sequence(encodeElement(0x31, sequence(oid('550403'), encodeElement(DER.utf8String, Buffer.from(text)))));
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));

function time(fromNowMs: number): Buffer {
  const digits = new Date(Date.now() + fromNowMs).toISOString().replaceAll(/\D/g, '');
  return encodeElement(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

/** RFC 5280, section 4.1, signed by `authority`. */
function certificate(subject: string, key: KeyObject, authority: KeyObject, extensions: readonly Buffer[]): Buffer {
  const tbs = sequence(
    ...[encodeElement(0xa0, integer(2)), integer(1, ...randomBytes(8)), ECDSA_SHA256, name('authority')],
    ...[sequence(time(-600_000), time(600_000)), name(subject), key.export({ format: 'der', type: 'spki' })],
    encodeElement(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', tbs, authority);
  return sequence(tbs, ECDSA_SHA256, encodeElement(0x03, Buffer.from([0]), signature));
}

const basicConstraints = (isAuthority: boolean) =>
  sequence(oid('551d13'), critical, octets(isAuthority ? sequence(critical) : sequence()));
const subjectAltName = sequence(oid('551d11'), octets(sequence(encodeElement(0x86, Buffer.from(SAN)))));
const keyUsage = (bits: number) =>
  sequence(oid('551d0f'), critical, octets(encodeElement(0x03, Buffer.from([1, bits]))));
const extendedKeyUsage = (purposes: readonly string[]) =>
  purposes.length === 0 ? [] : [sequence(oid('551d25'), octets(sequence(...purposes.map(oid))))];

/** A bundle of a certificate for `purposes`, and a trusted root whose authority issued it. */
async function signAs(purposes: readonly string[], isAuthority = false) {
  const [authority, leaf] = [P256(), P256()];
  const root = certificate('authority', authority.publicKey, authority.privateKey, [
    basicConstraints(true),
    keyUsage(0x06),
  ]);
  const der = certificate('leaf', leaf.publicKey, authority.privateKey, [
    ...[
      basicConstraints(isAuthority),
      keyUsage(isAuthority ? 0x86 : 0x80),
      ...extendedKeyUsage(purposes),
      subjectAltName,
    ],
  ]);
  const signature = sign('sha256', ARTIFACT, leaf.privateKey);
  const stamp = await new TimestampWitness({ http, tsaUrl: sigstore.tsaUrl, timeoutMs: 5000 }).stamp(signature);
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const bundle = parseBundle(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        certificate: { rawBytes: base64(der) },
        timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(stamp) }] },
      },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: base64(createHash('sha256').update(ARTIFACT).digest()) },
        signature: base64(signature),
      },
    }),
  );
  const [known] = JSON.parse(sigstore.trustedRoot).certificateAuthorities;
  const certificateAuthorities = [{ ...known, certChain: { certificates: [{ rawBytes: base64(root) }] } }];
  const text = JSON.stringify({ ...JSON.parse(sigstore.trustedRoot), ctlogs: [], certificateAuthorities });
  return { bundle, trustedRoot: parseTrustedRoot(text), artifactBytes: ARTIFACT, transparency: 'off' as const };
}

test.each<[string, readonly string[]]>([
  ['code signing', [PURPOSES.codeSigning]],
  ['code signing among others', [PURPOSES.emailProtection, PURPOSES.codeSigning]],
])('a certificate for %s signs', async (_name, purposes) => {
  expect(verifyMaterial(await signAs(purposes)).certificate.san).toBe(SAN);
});

test.each<[string, readonly string[]]>([
  ['a server', [PURPOSES.serverAuth]],
  ['mail', [PURPOSES.emailProtection]],
  ['nothing that it says', []],
])('a certificate of the same authority for %s does not', async (_name, purposes) => {
  const signed = await signAs(purposes);
  expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }));
});

test('the certificate of an authority does not', async () => {
  const signed = await signAs([PURPOSES.codeSigning], true);
  expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }));
});
