import type { FulcioDouble } from './fulcio.js';
import type { RekorDouble } from './rekor.js';
import type { TsaDouble } from './tsa.js';

export interface TrustedRootParts {
  readonly fulcio: FulcioDouble;
  readonly fulcioUrl: string;
  readonly rekor: RekorDouble;
  readonly rekorUrl: string;
  readonly rekorV1: RekorDouble;
  readonly rekorV1Url: string;
  readonly tsa: TsaDouble;
  readonly tsaUrl: string;
}

/** `trusted_root.json` of version 0.1 (protobuf-specs, sigstore_trustroot.proto), trusted from one hour ago on. */
export function buildTrustedRoot(parts: TrustedRootParts): string {
  const validFor = { start: new Date(Date.now() - 3_600_000).toISOString() };
  const chain = (certificates: readonly Buffer[]) => ({
    certificates: certificates.map((der) => ({ rawBytes: der.toString('base64') })),
  });
  const log = (baseUrl: string, publicKey: Buffer, keyDetails: string, logId: Buffer) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: publicKey.toString('base64'), keyDetails, validFor },
    logId: { keyId: logId.toString('base64') },
  });
  const { fulcio, rekor, rekorV1, tsa } = parts;
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      log(parts.rekorUrl, rekor.publicKey, 'PKIX_ED25519', rekor.logId),
      log(parts.rekorV1Url, rekorV1.publicKey, 'PKIX_ECDSA_P256_SHA_256', rekorV1.logId),
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
        uri: parts.fulcioUrl,
        certChain: chain([fulcio.rootCertificate]),
        validFor,
      },
    ],
    ctlogs: [log(`${parts.fulcioUrl}/ct`, fulcio.ctLog.publicKey, 'PKIX_ECDSA_P256_SHA_256', fulcio.ctLog.logId)],
    timestampAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'tsa' },
        uri: parts.tsaUrl,
        certChain: chain(tsa.chain),
        validFor,
      },
    ],
  });
}
