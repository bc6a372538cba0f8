import { createHash, sign } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { type Issuer, type Sigstore, startIssuer, startSigstore } from '@paved/testkit';
import { parseBundle } from '../src/bundle.js';
import { parseTrustedRoot, TimestampWitness } from '../src/index.js';
import { verifyMaterial } from '../src/verify-material.js';
import {
  AUTHORITY,
  basicConstraints,
  certificate,
  extendedKeyUsage,
  keyUsage,
  newKey,
  PURPOSES,
  subjectAltName,
} from './made-certificates.js';

const ARTIFACT = Buffer.from('an artifact');
const SAN = 'https://github.com/org/paved/.github/workflows/release.yml@refs/tags/v1';
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

/** A bundle of a certificate for `purposes`, and a trusted root whose authority issued it. */
async function signAs(purposes: readonly string[], isAuthority = false) {
  const [authority, leaf] = [newKey(), newKey()];
  const common = { issuer: 'authority', signer: authority.privateKey };
  const root = certificate({ ...common, subject: 'authority', key: authority.publicKey, extensions: AUTHORITY });
  const der = certificate({
    ...common,
    subject: 'leaf',
    key: leaf.publicKey,
    extensions: [
      basicConstraints(isAuthority),
      keyUsage(isAuthority ? 0x86 : 0x80),
      ...(purposes.length === 0 ? [] : [extendedKeyUsage(...purposes)]),
      subjectAltName(SAN),
    ],
  });
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
