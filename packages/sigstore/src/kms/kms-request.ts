import type { HttpClient, HttpRequest } from '@paved/http';
import { type Decoder, parseJson } from '@paved/json';
import { SigstoreError, type SigstoreErrorCode } from '../error.js';

/** Why a key service does not sign. */
export type KmsRefusal =
  | 'KEY_DISABLED'
  | 'KEY_ALGORITHM_MISMATCH'
  | 'KEY_DENIED'
  | 'KEY_NOT_FOUND'
  | 'KMS_CLOCK_SKEWED'
  | 'KMS_REFUSED';

export interface KmsQuestion<T> {
  readonly http: HttpClient;
  readonly request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>;
  readonly timeoutMs: number;
  readonly decoder: Decoder<T>;
  /** Reads the service's own words; `text` is what it answered with `status`. */
  readonly refusalOf: (status: number, text: string) => KmsRefusal;
}

const ATTEMPTS = 3;
const MAX_ANSWER_BYTES = 256 * 1024;

const STATES: Readonly<Record<KmsRefusal, readonly [state: string, hint: string]>> = {
  KEY_DISABLED: ['the key is disabled', 'Enable the key version, or name another one'],
  KEY_ALGORITHM_MISMATCH: [
    'the key is not one that signs like this',
    'Name a key for signing of a supported algorithm',
  ],
  KEY_DENIED: ['access is denied', 'Grant the credentials the rights to read the public key and to sign with it'],
  KEY_NOT_FOUND: ['there is no such key', 'Check the name of the key and its version'],
  KMS_CLOCK_SKEWED: [
    'it does not accept the time of the request',
    'Set the clock of this machine by NTP, and run it again; the key and the credentials are not what is refused',
  ],
  KMS_REFUSED: ['it refuses the request', 'Check the address of the key and the service'],
};

/**
 * Asks a key service; retries what may pass. Answers of refusal are read for their reason and never shown: they can repeat
 * credentials.
 * @throws {SigstoreError} `KEY_DISABLED`, `KEY_ALGORITHM_MISMATCH`, `KEY_DENIED`, `KEY_NOT_FOUND`, `KMS_CLOCK_SKEWED`,
 *   `KMS_REFUSED`, `KMS_UNAVAILABLE`, `KMS_ANSWER_INVALID`
 */
export async function askKms<T>({ http, request, timeoutMs, decoder, refusalOf }: KmsQuestion<T>): Promise<T> {
  const accept = (status: number) => status >= 200 && status < 500 && status !== 408 && status !== 429;
  let status: number;
  let text: string;
  let aheadS: number | undefined;
  try {
    const response = await http.request({ ...request, timeoutMs, attempts: ATTEMPTS, accept });
    status = response.status;
    aheadS = secondsAhead(response.header('date'));
    text = await response.text(MAX_ANSWER_BYTES);
  } catch {
    throw new SigstoreError('KMS_UNAVAILABLE', 'Cannot sign with the key service: it cannot be reached or fails', {
      hint: 'Run the step again when the service answers',
    });
  }
  if (status >= 300) throw kmsRefusal(refusalOf(status, text), aheadS);
  try {
    return parseJson('the answer', text, decoder);
  } catch (cause) {
    throw kmsAnswerInvalid(cause);
  }
}

/** @param aheadS how far this machine's clock is ahead of that of the service, in seconds */
export function kmsRefusal(code: KmsRefusal, aheadS?: number): SigstoreError {
  const [state, hint] = STATES[code];
  const skew = code === 'KMS_CLOCK_SKEWED' ? skewText(aheadS) : '';
  return new SigstoreError(code satisfies SigstoreErrorCode, `Cannot sign with the key service: ${state}${skew}`, {
    hint,
  });
}

function skewText(aheadS: number | undefined): string {
  if (aheadS === undefined) return '';
  return `; the clock of this machine is ${Math.abs(aheadS)} seconds ${aheadS < 0 ? 'behind' : 'ahead'}`;
}

/** From the header `Date` of an answer that came just now. */
function secondsAhead(date: string | undefined): number | undefined {
  const theirs = Date.parse(date ?? '');
  return Number.isNaN(theirs) ? undefined : Math.round((Date.now() - theirs) / 1000);
}

export function kmsAnswerInvalid(cause?: unknown): SigstoreError {
  return new SigstoreError(
    'KMS_ANSWER_INVALID',
    'Cannot use the answer of the key service: it is not what it promises',
    {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Check the address of the key service and the version of the key; then run it again',
    },
  );
}
