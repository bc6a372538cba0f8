import type { Digest } from '@paved/digest';
import { array, object, optional, parseJson, refine, string, unknown } from '@paved/json';
import type { SignedBundle } from '@paved/sigstore';

/** One layer of a `.sig` or `.att` tag, as cosign stored it before bundles (cosign, specs/SIGNATURE_SPEC.md). */
export interface LegacyLayer {
  readonly suffix: 'sig' | 'att';
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const ENVELOPE = 'application/vnd.dsse.envelope.v1+json';
/** What stands under these tags, and nothing else. */
export const LEGACY_MEDIA_TYPES: ReadonlySet<string> = new Set([SIMPLE_SIGNING, ENVELOPE]);
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const LOG = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

const decimal = refine(string, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('it is no number');
  return value;
});
const bundle = object({
  verificationMaterial: object({
    tlogEntries: optional(
      array(
        object({
          // ProtoJSON leaves out what is zero: the first entry of a log.
          logIndex: optional(decimal),
          integratedTime: optional(decimal),
          logId: object({ keyId: string }),
          inclusionPromise: optional(object({ signedEntryTimestamp: string })),
          canonicalizedBody: string,
        }),
      ),
    ),
    timestampVerificationData: optional(
      object({ rfc3161Timestamps: optional(array(object({ signedTimestamp: string }))) }),
    ),
  }),
  dsseEnvelope: optional(unknown),
});

/** The payload of a signature over an image (containers/image, "simple signing"). */
export function simpleSigningPayload(name: string, digest: Digest): Buffer {
  const critical = {
    identity: { 'docker-reference': name },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

export function legacySignature(payload: Buffer, signed: SignedBundle): LegacyLayer {
  const annotations = { [SIGNATURE]: signed.signature.toString('base64'), ...materialOf(signed) };
  return { suffix: 'sig', mediaType: SIMPLE_SIGNING, bytes: payload, annotations };
}

/**
 * @param timestamp asks for an RFC 3161 answer: of an envelope cosign wants one about its whole bytes, where a bundle has one about the
 *   signature. An entry of the log says when by itself, and a second time about other bytes would only confuse who reads both.
 */
export async function legacyAttestation(
  signed: SignedBundle,
  predicateType: string,
  timestamp: (bytes: Uint8Array) => Promise<readonly Buffer[]>,
): Promise<LegacyLayer> {
  const { dsseEnvelope } = parseJson('the bundle', signed.json, bundle);
  const bytes = Buffer.from(JSON.stringify(dsseEnvelope));
  const { [TIMESTAMP]: _, ...material } = materialOf(signed);
  const [answer] = LOG in material ? [] : await timestamp(bytes);
  const time = answer === undefined ? {} : { [TIMESTAMP]: timestampText(answer.toString('base64')) };
  return {
    suffix: 'att',
    mediaType: ENVELOPE,
    bytes,
    annotations: { [SIGNATURE]: '', predicateType, ...material, ...time },
  };
}

function timestampText(base64: string): string {
  return JSON.stringify({ SignedRFC3161Timestamp: base64 });
}

/** Certificate, log entry and timestamp. An entry of Rekor v2 carries no promise and has no place in this form. */
function materialOf({ json, certificate }: SignedBundle): Readonly<Record<string, string>> {
  const { verificationMaterial: material } = parseJson('the bundle', json, bundle);
  const promised = (material.tlogEntries ?? []).find(({ inclusionPromise }) => inclusionPromise !== undefined);
  const [timestamp] = material.timestampVerificationData?.rfc3161Timestamps ?? [];
  return {
    ...(certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': certificate }),
    ...(promised === undefined
      ? {}
      : {
          [LOG]: JSON.stringify({
            SignedEntryTimestamp: promised.inclusionPromise?.signedEntryTimestamp,
            Payload: {
              body: promised.canonicalizedBody,
              integratedTime: promised.integratedTime,
              logIndex: promised.logIndex ?? 0,
              logID: Buffer.from(promised.logId.keyId, 'base64').toString('hex'),
            },
          }),
        }),
    ...(timestamp === undefined ? {} : { [TIMESTAMP]: timestampText(timestamp.signedTimestamp) }),
  };
}
