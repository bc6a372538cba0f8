import { parseJson } from '@paved/json';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { bundleDecoder } from './bundle-format.js';
import { SigstoreError } from './error.js';
import { WHOLE_BUNDLE } from './verify/cures.js';

/** One bundle carries a few signatures and proofs; a larger document is not one. */
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
const MAX_PROOFS = 16;
const MAX_CERTIFICATES = 8;

const VERSION = /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.([123])|\.v0\.([123])\+json)$/;

/**
 * Reads a Sigstore bundle of version 0.1 to 0.3. Base64 and counts have one spelling; version 0.3 carries one certificate, not a chain.
 * @throws {SigstoreError} `BUNDLE_MALFORMED`, `INCLUSION_PROOF_MISSING`, `CHECKPOINT_MISSING`, `INCLUSION_PROMISE_MISSING`
 */
export function parseBundle(text: string): Bundle {
  if (Buffer.byteLength(text) > MAX_BUNDLE_BYTES) throw malformed(`it has more than ${MAX_BUNDLE_BYTES} bytes`);
  const bundle = readBundle(text);
  const [, old, current] = VERSION.exec(bundle.mediaType) ?? [];
  const version = old ?? current;
  if (version === undefined) throw malformed('it is not a bundle of version 0.1 to 0.3');
  assertShape(bundle, version);
  for (const entry of bundle.verificationMaterial.tlogEntries) assertProved(entry, version);
  return bundle;
}

function readBundle(text: string): Bundle {
  try {
    return parseJson('the bundle', text, bundleDecoder);
  } catch (cause) {
    throw malformed('it is not a bundle of version 0.1 to 0.3', cause);
  }
}

function assertShape(bundle: Bundle, version: string): void {
  const { content, tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  if (content.$case === 'x509CertificateChain') {
    if (version === '3') throw malformed('version 0.3 carries a certificate, not a chain');
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

/** What the version asks of every log entry is named by that: it is the first thing that a forger leaves out. */
function assertProved({ inclusionPromise, inclusionProof }: TransparencyLogEntry, version: string): void {
  if (version === '1') {
    if (inclusionPromise !== undefined) return;
    throw new SigstoreError('INCLUSION_PROMISE_MISSING', 'Cannot accept the bundle: a log entry has no promise', {
      hint: WHOLE_BUNDLE,
    });
  }
  if (inclusionProof === undefined) {
    throw new SigstoreError('INCLUSION_PROOF_MISSING', 'Cannot accept the bundle: a log entry has no inclusion proof', {
      hint: WHOLE_BUNDLE,
    });
  }
  if (inclusionProof.checkpoint === undefined) {
    throw new SigstoreError('CHECKPOINT_MISSING', 'Cannot accept the bundle: an inclusion proof has no checkpoint', {
      hint: WHOLE_BUNDLE,
    });
  }
}

function malformed(state: string, cause?: unknown): SigstoreError {
  return new SigstoreError(
    'BUNDLE_MALFORMED',
    `Cannot read the bundle: ${state}`,
    cause === undefined ? {} : { cause },
  );
}
