import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { DER, encodeElement } from '@paved/sigstore/der';

/** A certificate authority as files: `chain` is intermediate then root, PEM; `key` is the intermediate's, encrypted PKCS #8. */
export interface AuthorityFiles {
  readonly chain: string;
  readonly key: string;
  readonly password: string;
}

interface Party {
  readonly name: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const TAG = {
  bitString: 0x03,
  printableString: 0x13,
  utcTime: 0x17,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
} as const;
const OID = {
  organisation: '55040a',
  commonName: '550403',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectKeyId: '551d0e',
  codeSigning: '2b06010505070303',
  ecdsaSha256: '2a8648ce3d040302',
} as const;

/** gh chooses its rules by the organisation that is written here; the rest is the shape of the public-good authority. */
export function createAuthority(organisation: string): AuthorityFiles {
  const root = party(organisation, 'sigstore');
  const intermediate = party(organisation, 'sigstore-intermediate');
  const passphrase = randomBytes(16).toString('hex');
  return {
    chain: toPem(certificate(intermediate, root, 0)) + toPem(certificate(root, root, 1)),
    key: createPrivateKey(intermediate.privateKey.export({ format: 'pem', type: 'pkcs8' }))
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase })
      .toString(),
    password: passphrase,
  };
}

function party(organisation: string, commonName: string): Party {
  const attribute = (oid: string, text: string) =>
    encodeElement(TAG.set, sequence(oidOf(oid), encodeElement(TAG.printableString, Buffer.from(text))));
  return {
    name: sequence(attribute(OID.organisation, organisation), attribute(OID.commonName, commonName)),
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  };
}

/** RFC 5280, section 4.1. */
function certificate(subject: Party, issuer: Party, pathLength: number): Buffer {
  const spki = subject.publicKey.export({ format: 'der', type: 'spki' });
  const algorithm = sequence(oidOf(OID.ecdsaSha256));
  const extensions = [
    extension(OID.basicConstraints, sequence(encodeElement(DER.boolean, Buffer.from([0xff])), integer([pathLength]))),
    // keyCertSign and cRLSign.
    extension(OID.keyUsage, encodeElement(TAG.bitString, Buffer.from([1, 0x06]))),
    extension(
      OID.subjectKeyId,
      encodeElement(DER.octetString, createHash('sha1').update(spki).digest()),
      'not critical',
    ),
    ...(subject === issuer ? [] : [extension(OID.extendedKeyUsage, sequence(oidOf(OID.codeSigning)), 'not critical')]),
  ];
  const tbs = sequence(
    encodeElement(TAG.version, integer([2])),
    integer([0x01, ...randomBytes(15)]),
    algorithm,
    issuer.name,
    sequence(time(-3_600_000), time(86_400_000)),
    subject.name,
    spki,
    encodeElement(TAG.extensions, sequence(...extensions)),
  );
  const signature = sign('sha256', tbs, issuer.privateKey);
  return sequence(tbs, algorithm, encodeElement(TAG.bitString, Buffer.from([0]), signature));
}

function extension(oid: string, value: Buffer, importance: 'critical' | 'not critical' = 'critical'): Buffer {
  const critical = importance === 'critical' ? [encodeElement(DER.boolean, Buffer.from([0xff]))] : [];
  return sequence(oidOf(oid), ...critical, encodeElement(DER.octetString, value));
}

function time(fromNowMs: number): Buffer {
  const digits = new Date(Date.now() + fromNowMs).toISOString().replaceAll(/\D/g, '');
  return encodeElement(TAG.utcTime, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function integer(bytes: readonly number[]): Buffer {
  return encodeElement(DER.integer, Buffer.from(bytes));
}

function oidOf(hex: string): Buffer {
  return encodeElement(DER.objectIdentifier, Buffer.from(hex, 'hex'));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return encodeElement(DER.sequence, ...parts);
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
