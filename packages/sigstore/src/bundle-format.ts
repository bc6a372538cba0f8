import { array, type Decoder, object, optional, refine, string } from '@paved/json';
import type { Bundle } from '@sigstore/bundle';
import type { HashAlgorithm } from '@sigstore/protobuf-specs';

/** Numbers and names of the hashes that a message may be signed with (sigstore_common.proto, HashAlgorithm). */
export const MESSAGE_HASH = { sha256: 1, sha384: 2, sha512: 3 } as const satisfies Readonly<
  Record<string, HashAlgorithm>
>;

const HASH_NAMES: ReadonlyMap<unknown, HashAlgorithm> = new Map<unknown, HashAlgorithm>([
  ['HASH_ALGORITHM_UNSPECIFIED', 0],
  ['SHA2_256', 1],
  ['SHA2_384', 2],
  ['SHA2_512', 3],
  ['SHA3_256', 4],
  ['SHA3_384', 5],
]);
const NOT_BASE64 = /[^A-Za-z0-9+/]/;
const NOTHING = Buffer.alloc(0);
/** A proof in the largest tree has fewer hashes; of everything else there are a few. */
const MAX_ITEMS = 64;
const COUNT = /^(0|[1-9][0-9]{0,18})$/;

/** Bytes have one spelling, so that no two parsers see different ones. */
const bytes = refine(string, (text) => {
  if (!isBase64(text)) throw new RangeError('it is not base64');
  return Buffer.from(text, 'base64');
});
const someBytes = refine(bytes, (value) => {
  if (value.length === 0) throw new RangeError('it is empty');
  return value;
});

const count: Decoder<string> = (value, path = '$') => {
  const isCount = typeof value === 'string' ? COUNT.test(value) : Number.isSafeInteger(value) && Number(value) >= 0;
  if (!isCount) throw new RangeError(`field "${path}" is not a count`);
  return String(value);
};

const hash: Decoder<HashAlgorithm> = (value, path = '$') => {
  const found = HASH_NAMES.get(value) ?? [...HASH_NAMES.values()].find((number) => number === value);
  if (found === undefined) throw new RangeError(`field "${path}" is no hash`);
  return found;
};

/** A field of null is a field that is not set (protobuf's JSON mapping). */
function field<T>(decoder: Decoder<T>) {
  return optional<T | undefined>((value, path) => (value === null ? undefined : decoder(value, path)));
}

/** Held to before the first item is read, each of which takes a hundred times its bytes in memory. */
function few<T>(item: Decoder<T>): Decoder<readonly T[]> {
  const all = array(item);
  return (value, path = '$') => {
    if (Array.isArray(value) && value.length > MAX_ITEMS) throw new RangeError(`field "${path}" has too many items`);
    return all(value, path);
  };
}

const logId = object({ keyId: field(bytes) });
const inclusionProof = refine(
  object({
    logIndex: field(count),
    rootHash: field(bytes),
    treeSize: field(count),
    hashes: field(few(bytes)),
    checkpoint: field(object({ envelope: field(string) })),
  }),
  ({ logIndex = '0', rootHash = NOTHING, treeSize = '0', hashes = [], checkpoint }) => ({
    logIndex,
    rootHash,
    treeSize,
    hashes: [...hashes],
    checkpoint: checkpoint && { envelope: checkpoint.envelope ?? '' },
  }),
);
const logEntry = refine(
  object({
    logIndex: field(count),
    logId,
    kindVersion: object({ kind: field(string), version: field(string) }),
    integratedTime: field(count),
    inclusionPromise: field(object({ signedEntryTimestamp: field(bytes) })),
    inclusionProof: field(inclusionProof),
    canonicalizedBody: field(bytes),
  }),
  (entry) => ({
    logIndex: entry.logIndex ?? '0',
    logId: { keyId: entry.logId.keyId ?? NOTHING },
    kindVersion: { kind: entry.kindVersion.kind ?? '', version: entry.kindVersion.version ?? '' },
    integratedTime: entry.integratedTime ?? '0',
    inclusionPromise: entry.inclusionPromise && {
      signedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp ?? NOTHING,
    },
    inclusionProof: entry.inclusionProof,
    canonicalizedBody: entry.canonicalizedBody ?? NOTHING,
  }),
);

const certificate = object({ rawBytes: someBytes });
const material = refine(
  object({
    publicKey: field(object({ hint: field(string) })),
    x509CertificateChain: field(object({ certificates: few(certificate) })),
    certificate: field(certificate),
    tlogEntries: field(few(logEntry)),
    timestampVerificationData: field(
      object({ rfc3161Timestamps: field(few(object({ signedTimestamp: field(bytes) }))) }),
    ),
  }),
  ({ publicKey, x509CertificateChain: chain, certificate: leaf, tlogEntries = [], timestampVerificationData }) => ({
    content: theOne(
      publicKey && { $case: 'publicKey' as const, publicKey: { hint: publicKey.hint ?? '' } },
      chain && {
        $case: 'x509CertificateChain' as const,
        x509CertificateChain: { certificates: [...chain.certificates] },
      },
      leaf && { $case: 'certificate' as const, certificate: leaf },
    ),
    tlogEntries: [...tlogEntries],
    timestampVerificationData: timestampVerificationData && {
      rfc3161Timestamps: (timestampVerificationData.rfc3161Timestamps ?? []).map(({ signedTimestamp = NOTHING }) => ({
        signedTimestamp,
      })),
    },
  }),
);

const messageSignature = object({
  messageDigest: refine(object({ algorithm: field(hash), digest: someBytes }), ({ algorithm = 0, digest }) => ({
    algorithm,
    digest,
  })),
  signature: someBytes,
});
const dsseEnvelope = refine(
  object({
    payload: someBytes,
    payloadType: field(string),
    signatures: few(object({ sig: someBytes, keyid: field(string) })),
  }),
  ({ payload, payloadType = '', signatures }) => ({
    payload,
    payloadType,
    signatures: signatures.map(({ sig, keyid = '' }) => ({ sig, keyid })),
  }),
);

/** The structure of a bundle (sigstore_bundle.proto), of whatever version. */
export const bundleDecoder = refine(
  object({
    mediaType: string,
    verificationMaterial: material,
    messageSignature: field(messageSignature),
    dsseEnvelope: field(dsseEnvelope),
  }),
  ({ mediaType, verificationMaterial, messageSignature: message, dsseEnvelope: envelope }) =>
    ({
      mediaType,
      verificationMaterial,
      content: theOne(
        message && { $case: 'messageSignature' as const, messageSignature: message },
        envelope && { $case: 'dsseEnvelope' as const, dsseEnvelope: envelope },
      ),
    }) as Bundle,
);

/** Of several, which one a verifier takes is a matter of luck (protobuf: a oneof has one). */
function theOne<T>(...given: readonly (T | undefined)[]): T {
  const [only, ...others] = given.filter((one) => one !== undefined);
  if (only === undefined || others.length > 0) throw new RangeError('it has not exactly one content');
  return only;
}

/** One search for a wrong character: a pattern over groups would need memory for each of them. */
function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const bare = text.endsWith('==') ? text.length - 2 : text.length - (text.endsWith('=') ? 1 : 0);
  return !NOT_BASE64.test(text.slice(0, bare));
}
