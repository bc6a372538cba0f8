import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { object, parseJson, string } from '@paved/json';
import { parseSigningCertificate } from '../src/certificate.js';

const FOLDER = join('test/fixtures/sigstore-bundles/integrated-time-in-future_fail');
const bundle = object({
  verificationMaterial: object({ certificate: object({ rawBytes: string }) }),
});

/** Of a service account: its subject alternative name is an e-mail address. */
function emailCertificate(): Buffer {
  const text = readFileSync(join(FOLDER, 'bundle.sigstore.json'), 'utf8');
  return Buffer.from(parseJson('the bundle', text, bundle).verificationMaterial.certificate.rawBytes, 'base64');
}

test('an e-mail address is no workflow, whatever it says', () => {
  expect(() => parseSigningCertificate(emailCertificate())).toThrow(
    expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }),
  );
});

test('an e-mail address is read where any name is asked for', () => {
  const { san } = parseSigningCertificate(emailCertificate(), 'any');
  expect(san).toBe(readFileSync(join(FOLDER, 'identity'), 'utf8').trim());
});

test('a user name of another type is refused', () => {
  const changed = emailCertificate();
  const at = changed.indexOf(Buffer.from('untrusted-sa@'));
  // The tag of the name: from rfc822Name to otherName.
  changed.writeUInt8(0xa0, at - 2);
  expect(() => parseSigningCertificate(changed, 'any')).toThrow(
    expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }),
  );
});
