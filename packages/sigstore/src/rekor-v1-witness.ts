import { createHash } from 'node:crypto';
import { array, object, optional, parseJson, string } from '@paved/json';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import type { SigstoreError } from './error.js';
import { answerInvalid, serviceStatusError } from './service-error.js';
import { loadSignLibrary } from './sign-library.js';
import { signatureOf } from './signed-content.js';

const ATTEMPTS = 3;
const SYSTEM_CODE = /^E[A-Z]+$/;

export interface RekorV1WitnessOptions {
  readonly rekorUrl: string;
  readonly timeoutMs: number;
}

/**
 * Logs a signature in Rekor v1 through the library's own witness: `dsse` for a statement, whose whole envelope the log reads,
 * and `hashedrekord` for a file.
 */
export class RekorV1Witness implements Witness {
  readonly #options: RekorV1WitnessOptions;

  constructor(options: RekorV1WitnessOptions) {
    this.#options = options;
  }

  /**
   * @param publicKey certificate or public key, PEM
   * @throws {SigstoreError} `REKOR_UNAVAILABLE`, `REKOR_REFUSED`, `REKOR_ANSWER_INVALID`
   */
  async testify(content: SignatureBundle, publicKey: string): Promise<VerificationMaterial> {
    const { RekorWitness } = await loadSignLibrary();
    const { rekorUrl, timeoutMs } = this.#options;
    const rekorBaseURL = rekorUrl.replace(/\/+$/, '');
    const witness = new RekorWitness({ rekorBaseURL, timeout: timeoutMs, retry: ATTEMPTS - 1, entryType: 'dsse' });
    const material = await witness.testify(content, publicKey).catch((error: unknown) => {
      throw libraryError(error);
    });
    assertOwnEntry(material, content, publicKey);
    return material;
  }
}

/** The library's errors carry the status, or the code of the operating system, as a member of a cause of theirs. */
function libraryError(error: unknown): SigstoreError {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    if ('statusCode' in link && typeof link.statusCode === 'number') {
      return serviceStatusError('REKOR', link.statusCode, error);
    }
    if ('code' in link && typeof link.code === 'string' && SYSTEM_CODE.test(link.code)) {
      return serviceStatusError('REKOR', undefined, error);
    }
  }
  return answerInvalid('REKOR', 'it is not what the service promises', error);
}

const verifiedSignature = object({ signature: string, verifier: string });
const body = object({
  kind: string,
  spec: object({
    signatures: optional(array(verifiedSignature)),
    payloadHash: optional(object({ value: string })),
    data: optional(object({ hash: object({ value: string }) })),
    signature: optional(object({ content: string, publicKey: object({ content: string }) })),
  }),
});

/** The entry must be ours: a log that answers with another one would make the bundle worthless later. */
function assertOwnEntry({ tlogEntries }: VerificationMaterial, content: SignatureBundle, publicKey: string): void {
  const [entry] = tlogEntries ?? [];
  if (entry?.inclusionPromise === undefined || entry.inclusionProof?.checkpoint === undefined) {
    throw answerInvalid('REKOR', 'the entry has no promise or no inclusion proof');
  }
  const { spec } = parseBody(entry.canonicalizedBody);
  const signature = signatureOf(content).toString('base64');
  const key = Buffer.from(publicKey).toString('base64');
  const own =
    content.$case === 'dsseEnvelope'
      ? spec.payloadHash?.value === createHash('sha256').update(content.dsseEnvelope.payload).digest('hex') &&
        spec.signatures?.length === 1 &&
        spec.signatures[0]?.signature === signature &&
        sameKey(spec.signatures[0].verifier, key)
      : spec.data?.hash.value === content.messageSignature.messageDigest.digest.toString('hex') &&
        spec.signature?.content === signature &&
        sameKey(spec.signature.publicKey.content, key);
  if (!own) throw answerInvalid('REKOR', 'the entry is not the one that was sent');
}

function parseBody(bytes: Buffer): ReturnType<typeof body> {
  try {
    return parseJson('the log entry', bytes.toString('utf8'), body);
  } catch (cause) {
    throw answerInvalid('REKOR', 'its entry cannot be read', cause);
  }
}

/** Base64 of PEM, whose line ends the log may write anew. */
function sameKey(left: string, right: string): boolean {
  const bare = (text: string) => Buffer.from(text, 'base64').toString('utf8').replaceAll(/\s/g, '');
  return bare(left) === bare(right);
}
