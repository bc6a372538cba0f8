import { array, object, optional, parseJson, string } from '@paved/json';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { SigstoreError } from './error.js';

const HASHED_REKORD = 'hashedrekord';
const DSSE = 'dsse';

const bodyV2 = object({
  spec: object({
    hashedRekordV002: object({
      signature: object({
        verifier: object({
          x509Certificate: optional(object({ rawBytes: string })),
          publicKey: optional(object({ rawBytes: string })),
        }),
      }),
    }),
  }),
});
const bodyDsse = object({ spec: object({ signatures: array(object({ verifier: string })) }) });
const bodyV1 = object({ spec: object({ signature: object({ publicKey: object({ content: string }) }) }) });

/**
 * Checks what the library leaves open: the entry names `signer`, the DER of the bundle's certificate or of the key (else anyone's signature over the same
 * bytes would do), and the proof's root hash and size are the signed checkpoint's.
 * @throws {SigstoreError} `LOG_ENTRY_MISMATCH`, `CERTIFICATE_MISMATCH`, `KEY_MISMATCH`, `INCLUSION_PROOF_INVALID`, `INCLUSION_PROOF_MISSING`
 */
export function assertLogEntry(entry: TransparencyLogEntry, bundle: Bundle, signer: Buffer | undefined): void {
  if (signer !== undefined && namesItsSigner(entry)) assertSameSigner(entry, bundle, signer);
  if (entry.inclusionProof?.checkpoint !== undefined) assertSameTree(entry);
  if (bundle.mediaType.includes('0.3') && entry.inclusionProof === undefined) {
    throw new SigstoreError('INCLUSION_PROOF_MISSING', 'Cannot accept the log entry: it has no inclusion proof');
  }
}

/** True for an entry that names its signer, and another one than `signer`; an unreadable entry names nobody. */
export function namesAnotherSigner(entry: TransparencyLogEntry, signer: Buffer): boolean {
  try {
    const named = namesItsSigner(entry) ? entrySigner(entry) : undefined;
    return named !== undefined && !named.equals(signer);
  } catch {
    return false;
  }
}

/** `dsse` of v1 names the signer too; `intoto`, which nobody makes any more, names it in a place of the uploader's choice. */
function namesItsSigner({ kindVersion: { kind, version } }: TransparencyLogEntry): boolean {
  return kind === HASHED_REKORD || (kind === DSSE && version === '0.0.1');
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

function entrySigner(entry: TransparencyLogEntry): Buffer | undefined {
  const text = entry.canonicalizedBody.toString('utf8');
  try {
    if (entry.kindVersion.kind === DSSE) {
      const [only, ...others] = parseJson('the log entry', text, bodyDsse).spec.signatures;
      return only === undefined || others.length > 0 ? undefined : pemBytes(only.verifier);
    }
    if (entry.kindVersion.version === '0.0.1') {
      return pemBytes(parseJson('the log entry', text, bodyV1).spec.signature.publicKey.content);
    }
    const { x509Certificate, publicKey } = parseJson('the log entry', text, bodyV2).spec.hashedRekordV002.signature
      .verifier;
    const raw = (x509Certificate ?? publicKey)?.rawBytes;
    return raw === undefined ? undefined : Buffer.from(raw, 'base64');
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot read the log entry', { cause });
  }
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
