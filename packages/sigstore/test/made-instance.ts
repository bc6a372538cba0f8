import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { parseBundle } from '../src/bundle.js';
import { parseTrustedRoot } from '../src/trusted-root.js';
import {
  AUTHORITY,
  type CertificateParts,
  certificate,
  extendedKeyUsage,
  keyUsage,
  newKey,
  PURPOSES,
  subjectAltName,
} from './made-certificates.js';
import { type MadeLogParts, madeLog } from './made-log.js';
import { timestamp } from './made-timestamp.js';

export const ARTIFACT = Buffer.from('an artifact');
export const SAN = 'https://github.com/org/paved/.github/workflows/release.yml@refs/tags/v1';

const [CA, TSA, SIGNER] = [newKey(), newKey(), newKey()];
const ALWAYS = { start: '2000-01-01T00:00:00Z' };
const SERIAL = Buffer.from([9]);
const base64 = (bytes: Buffer) => bytes.toString('base64');
const issued = { issuer: 'authority', signer: CA.privateKey };

export const LEAF: CertificateParts = {
  ...{ ...issued, subject: 'leaf', key: SIGNER.publicKey },
  extensions: [keyUsage(0x80), extendedKeyUsage(PURPOSES.codeSigning), subjectAltName(SAN)],
};
export const LOG_KEY = generateKeyPairSync('ed25519');
/** Who makes a certificate of his own for the key of the leaf. */
export const OWN = { issuer: 'leaf', signer: SIGNER.privateKey };

export interface MadeParts {
  readonly leaf?: Buffer;
  /** What the bundle has in place of the DER of the leaf. */
  readonly rawBytes?: Buffer;
  /** What the log wrote down in place of that. */
  readonly verifier?: object;
  /** Changes of the whole body. */
  readonly body?: (body: LogBody) => LogBody;
  readonly log?: Partial<MadeLogParts>;
  readonly logs?: readonly object[];
  /** When the authority of certificates is trusted. */
  readonly trusted?: { readonly start: string; readonly end?: string };
}

/** `hashedrekord` of Rekor v2. */
export interface LogBody {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: {
    readonly hashedRekordV002: {
      readonly signature: { readonly content: string; readonly verifier: object };
      readonly data: { readonly digest: string };
    };
    readonly [other: string]: unknown;
  };
}

/** A message that is signed, timestamped and logged by an instance which writes whatever a test wants, and its trusted root. */
export function madeInstance(parts: MadeParts = {}) {
  const {
    leaf = certificate(LEAF),
    rawBytes = leaf,
    verifier = { x509Certificate: { rawBytes: base64(rawBytes) } },
  } = parts;
  const signature = sign('sha256', ARTIFACT, SIGNER.privateKey);
  const digest = base64(createHash('sha256').update(ARTIFACT).digest());
  const { tlog, entry } = madeLog({ host: 'log.example', key: LOG_KEY, ...parts.log });
  const spec = { hashedRekordV002: { signature: { content: base64(signature), verifier }, data: { digest } } };
  const body: LogBody = { kind: 'hashedrekord', apiVersion: '0.0.2', spec };
  const stamp = timestamp({ data: signature, key: TSA.privateKey, issuer: 'authority', serialNumber: SERIAL });
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(rawBytes) },
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(stamp) }] },
      tlogEntries: [entry(parts.body?.(body) ?? body)],
    },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature: base64(signature) },
  };
  return {
    bundle: parseBundle(JSON.stringify(bundle)),
    trustedRoot: parseTrustedRoot(JSON.stringify(rootOf(parts.logs ?? [tlog], parts.trusted))),
    artifactBytes: ARTIFACT,
    transparency: 'required' as const,
  };
}

/** A trusted root of this instance with the given logs. */
export function rootOf(tlogs: readonly object[], trusted: MadeParts['trusted'] = ALWAYS) {
  const root = certificate({ ...issued, subject: 'authority', key: CA.publicKey, extensions: AUTHORITY });
  const stamping = [keyUsage(0x80), extendedKeyUsage(PURPOSES.timeStamping)];
  const tsa = { ...issued, subject: 'tsa', key: TSA.publicKey, serialNumber: SERIAL, extensions: stamping };
  const chain = (...certificates: readonly Buffer[]) => ({
    certChain: { certificates: certificates.map((der) => ({ rawBytes: base64(der) })) },
    validFor: ALWAYS,
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs,
    certificateAuthorities: [{ ...chain(root), validFor: trusted }],
    timestampAuthorities: [chain(certificate(tsa), root)],
  };
}
