import { array, type Decoder, object, optional, parseJson, string } from '@paved/json';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { SigstoreError } from './error.js';

const verifierV2 = object({
  x509Certificate: optional(object({ rawBytes: string })),
  publicKey: optional(object({ rawBytes: string })),
});
const bodyV2 = object({ spec: object({ hashedRekordV002: object({ signature: object({ verifier: verifierV2 }) }) }) });
const bodyDsseV2 = object({
  spec: object({ dsseV002: object({ signatures: array(object({ verifier: verifierV2 })) }) }),
});
const bodyIntoto = object({
  spec: object({ content: object({ envelope: object({ signatures: array(object({ publicKey: string })) }) }) }),
});
const bodyDsse = object({ spec: object({ signatures: array(object({ verifier: string })) }) });
const bodyV1 = object({ spec: object({ signature: object({ publicKey: object({ content: string }) }) }) });

/**
 * Checks what the library leaves open: the entry names `signer`, the DER of the bundle's certificate or of the key (else anyone's signature over the same
 * bytes would do), and the proof's root hash and size are the signed checkpoint's.
 * @throws {SigstoreError} `LOG_ENTRY_MISMATCH`, `CERTIFICATE_MISMATCH`, `KEY_MISMATCH`, `INCLUSION_PROOF_INVALID`, `INCLUSION_PROOF_MISSING`
 */
export function assertLogEntry(entry: TransparencyLogEntry, bundle: Bundle, signer: Buffer | undefined): void {
  if (signer !== undefined) assertSameSigner(entry, bundle, signer);
  if (entry.inclusionProof?.checkpoint !== undefined) assertSameTree(entry);
  if (bundle.mediaType.includes('0.3') && entry.inclusionProof === undefined) {
    throw new SigstoreError('INCLUSION_PROOF_MISSING', 'Cannot accept the log entry: it has no inclusion proof');
  }
}

/** True for an entry that names its signer, and another one than `signer`; an unreadable entry names nobody. */
export function namesAnotherSigner(entry: TransparencyLogEntry, signer: Buffer): boolean {
  try {
    const named = entrySigner(entry);
    return named !== undefined && !named.equals(signer);
  } catch {
    return false;
  }
}

function assertSameSigner(entry: TransparencyLogEntry, bundle: Bundle, signer: Buffer): void {
  if (!entrySigner(entry)?.equals(signer)) {
    const isKey = bundle.verificationMaterial.content.$case === 'publicKey';
    throw new SigstoreError(
      isKey ? 'KEY_MISMATCH' : 'CERTIFICATE_MISMATCH',
      "Cannot accept the log entry: it names another signer than the bundle's",
    );
  }
}

/**
 * Whom the entry names; `undefined` for nobody, or for several. A key under which somebody else's signature verifies is easy to find
 * for ECDSA: without this the log would show that key, and never the certificate that whoever watches it looks for.
 */
function entrySigner({ canonicalizedBody, kindVersion: { kind, version } }: TransparencyLogEntry): Buffer | undefined {
  const read = <T>(decoder: Decoder<T>): T => parseJson('the log entry', canonicalizedBody.toString('utf8'), decoder);
  try {
    switch (`${kind} ${version}`) {
      case 'hashedrekord 0.0.1':
        return pemBytes(read(bodyV1).spec.signature.publicKey.content);
      case 'hashedrekord 0.0.2':
        return rawBytes(read(bodyV2).spec.hashedRekordV002.signature.verifier);
      case 'dsse 0.0.1': {
        const only = single(read(bodyDsse).spec.signatures);
        return only && pemBytes(only.verifier);
      }
      case 'dsse 0.0.2': {
        const only = single(read(bodyDsseV2).spec.dsseV002.signatures);
        return only && rawBytes(only.verifier);
      }
      case 'intoto 0.0.2': {
        const only = single(read(bodyIntoto).spec.content.envelope.signatures);
        return only && pemBytes(only.publicKey);
      }
      default:
        return undefined;
    }
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot read the log entry', { cause });
  }
}

function single<T>([only, ...others]: readonly T[]): T | undefined {
  return others.length === 0 ? only : undefined;
}

function rawBytes({ x509Certificate, publicKey }: ReturnType<typeof verifierV2>): Buffer | undefined {
  const raw = (x509Certificate ?? publicKey)?.rawBytes;
  return raw === undefined ? undefined : Buffer.from(raw, 'base64');
}

function pemBytes(content: string): Buffer {
  const pem = Buffer.from(content, 'base64').toString();
  return Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
}

function assertSameTree(entry: TransparencyLogEntry): void {
  const proof = entry.inclusionProof;
  const [, size, root] = (proof?.checkpoint?.envelope ?? '').split('\n');
  if (proof === undefined || size !== proof.treeSize || root !== proof.rootHash.toString('base64')) {
    throw new SigstoreError(
      'INCLUSION_PROOF_INVALID',
      "Cannot accept the inclusion proof: it is not for its checkpoint's tree",
    );
  }
}
