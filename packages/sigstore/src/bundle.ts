import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { SigstoreError } from './error.js';

/** One bundle carries a few signatures and proofs; a larger document is not one. */
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
const MAX_PROOFS = 16;
const MAX_CERTIFICATES = 8;

const NOT_BASE64 = /[^A-Za-z0-9+/]/;
const COUNT = /^(0|[1-9][0-9]{0,18})$/;
const BASE64_FIELDS = new Set([
  'rawBytes',
  'sig',
  'signature',
  'payload',
  'keyId',
  'digest',
  'canonicalizedBody',
  'signedTimestamp',
  'signedEntryTimestamp',
  'rootHash',
  'hashes',
]);
const COUNT_FIELDS = new Set(['logIndex', 'treeSize', 'integratedTime']);
const V03 = new Set([
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
]);

/**
 * Reads a Sigstore bundle of version 0.1 to 0.3. Stricter than the library: base64 and counts have one spelling, so that
 * no two parsers see different bytes; version 0.3 carries one certificate, not a chain.
 * @throws {SigstoreError} `BUNDLE_MALFORMED`, `INCLUSION_PROOF_MISSING`, `CHECKPOINT_MISSING`, `INCLUSION_PROMISE_MISSING`
 */
export function parseBundle(text: string): Bundle {
  if (Buffer.byteLength(text) > MAX_BUNDLE_BYTES) throw malformed(`it has more than ${MAX_BUNDLE_BYTES} bytes`);
  let json: unknown;
  let bundle: Bundle;
  try {
    json = JSON.parse(text);
    assertSpelling(json, '$');
    bundle = bundleFromJSON(json);
  } catch (cause) {
    throw missingPart(cause) ?? malformed('it is not a bundle of version 0.1 to 0.3', cause);
  }
  assertShape(bundle);
  return bundle;
}

const PARTS = [
  ['.inclusionProof', 'INCLUSION_PROOF_MISSING', 'a log entry has no inclusion proof'],
  ['.checkpoint', 'CHECKPOINT_MISSING', 'an inclusion proof has no checkpoint'],
  ['.inclusionPromise', 'INCLUSION_PROMISE_MISSING', 'a log entry has no promise'],
] as const;

/** A bundle that is whole but for a proof of its log entries is named by that: it is the first thing that a forger leaves out. */
function missingPart(cause: unknown): SigstoreError | undefined {
  if (!(cause instanceof ValidationError)) return undefined;
  for (const [ending, code, state] of PARTS) {
    if (cause.fields.length > 0 && cause.fields.every((field) => field.endsWith(ending))) {
      return new SigstoreError(code, `Cannot accept the bundle: ${state}`, { cause });
    }
  }
  return undefined;
}

function assertShape(bundle: Bundle): void {
  const { content, tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  if (V03.has(bundle.mediaType) && content.$case === 'x509CertificateChain') {
    throw malformed('version 0.3 carries a certificate, not a chain');
  }
  if (content.$case === 'x509CertificateChain') {
    const { length } = content.x509CertificateChain.certificates;
    if (length === 0) throw malformed('its certificate chain is empty');
    // Each of them is read before anything is verified.
    if (length > MAX_CERTIFICATES) throw malformed(`its chain has more than ${MAX_CERTIFICATES} certificates`);
  }
  if (tlogEntries.length > MAX_PROOFS || (timestampVerificationData?.rfc3161Timestamps.length ?? 0) > MAX_PROOFS) {
    throw malformed(`it has more than ${MAX_PROOFS} log entries or timestamps`);
  }
  if (bundle.content.$case === 'dsseEnvelope' && bundle.content.dsseEnvelope.signatures.length !== 1) {
    throw malformed('its envelope does not have exactly one signature');
  }
}

function assertSpelling(value: unknown, path: string): void {
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) assertSpelling(entry, `${path}[${index}]`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const where = `${path}.${key}`;
    if (BASE64_FIELDS.has(key)) assertTexts(member, where, isBase64, 'base64');
    if (COUNT_FIELDS.has(key)) assertTexts(member, where, isCount, 'a count');
    assertSpelling(member, where);
  }
}

function assertTexts(value: unknown, path: string, fits: (entry: string | number) => boolean, kind: string): void {
  const values = Array.isArray(value) ? value : [value];
  for (const entry of values) {
    const text = typeof entry === 'string' || typeof entry === 'number';
    if (text ? !fits(entry) : typeof entry !== 'object') throw malformed(`field "${path}" is not ${kind}`);
  }
}

/** One search for a wrong character: a pattern over groups would need memory for each of them. */
function isBase64(entry: string | number): boolean {
  if (typeof entry === 'number' || entry.length % 4 !== 0) return false;
  const bare = entry.endsWith('==') ? entry.length - 2 : entry.length - (entry.endsWith('=') ? 1 : 0);
  return !NOT_BASE64.test(entry.slice(0, bare));
}

function isCount(entry: string | number): boolean {
  return typeof entry === 'string' ? COUNT.test(entry) : Number.isSafeInteger(entry) && entry >= 0;
}

function malformed(state: string, cause?: unknown): SigstoreError {
  return new SigstoreError(
    'BUNDLE_MALFORMED',
    `Cannot read the bundle: ${state}`,
    cause === undefined ? {} : { cause },
  );
}
