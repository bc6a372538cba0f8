import { parseEnvelope } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';
import { integer, object, parseJson, string } from '@paved/json';

type Annotations = Readonly<Record<string, string>>;

const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const LOG = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

const logEntry = object({
  SignedEntryTimestamp: string,
  Payload: object({ body: string, integratedTime: integer, logIndex: integer, logID: string }),
});
const entryBody = object({ kind: string, apiVersion: string });
const timestampOf = object({ SignedRFC3161Timestamp: string });

/** The bundle of an envelope that stood in a `.att` layer. */
export function legacyAttestation(bytes: Uint8Array, annotations: Annotations): string {
  const text = Buffer.from(bytes).toString('utf8');
  parseEnvelope(text);
  return bundle(annotations, { dsseEnvelope: JSON.parse(text) });
}

/** The bundle of a signature over `payload` that stood in a `.sig` layer. */
export function legacySignature(payload: Uint8Array, annotations: Annotations): string {
  const digest = Buffer.from(digestHex(sha256(payload)), 'hex').toString('base64');
  const signature = annotations[SIGNATURE];
  if (signature === undefined) throw new TypeError('Cannot read a layer: it has no signature');
  return bundle(annotations, { messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature } });
}

/** Without a certificate it was made with a key, of which nothing is stored: whoever verifies names the keys. */
function bundle(annotations: Annotations, content: object): string {
  const [log, timestamp] = [annotations[LOG], annotations[TIMESTAMP]];
  return JSON.stringify({
    mediaType: MEDIA_TYPE,
    verificationMaterial: {
      ...signer(annotations[CERTIFICATE]),
      tlogEntries: log === undefined ? [] : [tlogEntry(log)],
      timestampVerificationData: { rfc3161Timestamps: timestamp === undefined ? [] : [signedTimestamp(timestamp)] },
    },
    ...content,
  });
}

/** The chain beside the certificate is left out: what may issue is in the trusted root, never in what is to be verified. */
function signer(pem: string | undefined): object {
  if (pem === undefined) return { publicKey: { hint: '' } };
  const rawBytes = pem.replaceAll(/-----(BEGIN|END) CERTIFICATE-----|\s/g, '');
  return { x509CertificateChain: { certificates: [{ rawBytes }] } };
}

function tlogEntry(text: string): object {
  const { SignedEntryTimestamp, Payload } = parseJson('the log entry', text, logEntry);
  const body = Buffer.from(Payload.body, 'base64').toString('utf8');
  const { kind, apiVersion } = parseJson('the body of the log entry', body, entryBody);
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}

function signedTimestamp(text: string): object {
  return { signedTimestamp: parseJson('the timestamp', text, timestampOf).SignedRFC3161Timestamp };
}
