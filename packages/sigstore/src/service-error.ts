import { HttpError } from '@paved/http';
import { SigstoreError, type SigstoreErrorCode } from './error.js';

export type ServiceName = 'FULCIO' | 'REKOR' | 'TSA';

const TITLES: Readonly<Record<ServiceName, string>> = {
  FULCIO: 'the certificate authority',
  REKOR: 'the transparency log',
  TSA: 'the timestamp authority',
};
const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
/** A shorter piece of a token could be chance, and is worth nothing to a thief. */
const LEAK_WINDOW = 12;

/**
 * Turns what went wrong in a request into one of our codes. `secret` is what was sent: an answer that repeats any part of
 * it is dropped from the cause, because causes are printed.
 */
export function serviceError(service: ServiceName, error: unknown, secret?: string): SigstoreError {
  if (error instanceof SigstoreError) return error;
  if (!(error instanceof HttpError))
    return answerInvalid(service, 'it is not what the service promises', error, secret);
  const lost = error.code === 'HTTP_UNREACHABLE' || error.code === 'HTTP_TIMEOUT';
  return serviceStatusError(service, lost ? undefined : (error.status ?? 0), withoutSecret(error, secret));
}

/** @param status undefined when there was no answer */
export function serviceStatusError(service: ServiceName, status: number | undefined, cause: unknown): SigstoreError {
  const unavailable = status === undefined || TRANSIENT_STATUSES.has(status);
  const code: SigstoreErrorCode = `${service}_${unavailable ? 'UNAVAILABLE' : 'REFUSED'}`;
  const state = unavailable ? 'it cannot be reached or fails' : 'it refuses the request';
  return new SigstoreError(code, `Cannot sign with ${TITLES[service]}: ${state}`, {
    cause,
    hint: unavailable ? 'Run the step again when the service answers' : hintForRefusal(service),
  });
}

export function answerInvalid(service: ServiceName, state: string, cause?: unknown, secret?: string): SigstoreError {
  return new SigstoreError(`${service}_ANSWER_INVALID`, `Cannot use the answer of ${TITLES[service]}: ${state}`, {
    ...(cause === undefined ? {} : { cause: withoutSecret(cause, secret) }),
    hint: 'Check that the URL names the service that you mean',
  });
}

function hintForRefusal(service: ServiceName): string {
  if (service === 'FULCIO') return 'Check that the instance accepts tokens of this OIDC issuer and audience';
  return 'Check that the URL names the service that you mean';
}

function withoutSecret(error: unknown, secret: string | undefined): unknown {
  if (secret === undefined) return error;
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    if (sharesText(link.message, secret)) return new Error('the answer repeats the identity token and is not shown');
  }
  return error;
}

function sharesText(text: string, secret: string): boolean {
  for (let start = 0; start + LEAK_WINDOW <= text.length; start++) {
    if (secret.includes(text.slice(start, start + LEAK_WINDOW))) return true;
  }
  return false;
}
