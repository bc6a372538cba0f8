import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { array, object, optional, parseJson, record, string } from '@paved/json';
import { parseBundle } from '../src/bundle.js';
import { parseTrustedRoot, SigstoreError } from '../src/index.js';
import { verifyMaterial } from '../src/verify-material.js';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const COPIED = join(repository, 'test/fixtures/sigstore-bundles');
/** The whole set, when the reference material stands beside the repository. */
const WHOLE = join(repository, '../shared/fixtures/sigstore-bundles');

/** What each case of sigstore-conformance must give: `pass`, or the code of the refusal. */
const OUTCOMES: Readonly<Record<string, string>> = {
  'bundle-empty-certificate-chain_fail': 'BUNDLE_MALFORMED',
  'bundle-invalid-base64-signature_fail': 'BUNDLE_MALFORMED',
  'bundle-negative-log-index_fail': 'BUNDLE_MALFORMED',
  'bundle-with-root-cert_fail': 'BUNDLE_MALFORMED',
  'bundle-with-sct-with-extensions': 'pass',
  'checkpoint-wrong-roothash_fail': 'INCLUSION_PROOF_INVALID',
  'dsse-mismatch-envelope_fail': 'LOG_ENTRY_MISMATCH',
  'happy-path-v0.1': 'pass',
  'happy-path-v0.3': 'pass',
  'inclusion-proof-corrupted-hash_fail': 'INCLUSION_PROOF_INVALID',
  // The signer of this one is an e-mail address, and only workflows are signers here.
  'integrated-time-in-future_fail': 'CERTIFICATE_MALFORMED',
  'intoto-log-entry-mismatch_fail': 'LOG_ENTRY_MISMATCH',
  'intoto-set-outside-signing-cert-validity_fail': 'CERTIFICATE_EXPIRED',
  'intoto-with-custom-trust-root': 'pass',
  'invalid-checkpoint-signature_fail': 'CHECKPOINT_INVALID',
  'invalid-inclusion-proof_fail': 'CHECKPOINT_MISSING',
  // Valid under its key, but a bare key has no identity that a policy could judge.
  'managed-key-happy-path': 'CERTIFICATE_MISSING',
  'managed-key-wrong-key_fail': 'CERTIFICATE_MISSING',
  'rekor2-checkpoint-missing-log-signature_fail': 'CHECKPOINT_INVALID',
  'rekor2-checkpoint-missing-root-hash_fail': 'CHECKPOINT_INVALID',
  'rekor2-checkpoint-multiple-cosigs': 'pass',
  'rekor2-checkpoint-no-matching-signature_fail': 'CHECKPOINT_INVALID',
  'rekor2-checkpoint-two-sigs-cosigned': 'pass',
  'rekor2-dsse-happy-path': 'pass',
  'rekor2-dsse-mismatch-envelope_fail': 'LOG_ENTRY_MISMATCH',
  'rekor2-no-inclusion-proof_fail': 'INCLUSION_PROOF_MISSING',
  'rekor2-timestamp-outside-trust-root-tsa-validity_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-payload-mismatch_fail': 'TIMESTAMP_INVALID',
  'rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail': 'TIMESTAMP_UNTRUSTED',
  'rekor2-timestamp-with-embedded-cert': 'pass',
  'rekor2-timestamp-without-embedded-cert': 'pass',
  'set-invalid-signature_fail': 'INCLUSION_PROMISE_INVALID',
  'trust-root-tlog-missing-validity-start_fail': 'TRUSTED_ROOT_MALFORMED',
  'trust-root-tsa-validity-end-inclusive': 'pass',
  'wrong-hashedrekord-cert-and-sig_fail': 'LOG_ENTRY_MISMATCH',
  'wrong-material_fail': 'SIGNATURE_INVALID',
};

const expectations = object({
  cases: record(
    object({ expected: string, bundle: string, artifact: string, trustedRoot: string, key: optional(string) }),
  ),
});

function casesOf(folder: string) {
  return Object.entries(
    parseJson('expected.json', readFileSync(join(folder, 'expected.json'), 'utf8'), expectations).cases,
  );
}

function outcome(folder: string, files: { bundle: string; artifact: string; trustedRoot: string }): string {
  try {
    verifyMaterial({
      bundle: parseBundle(readFileSync(join(folder, files.bundle), 'utf8')),
      trustedRoot: parseTrustedRoot(readFileSync(join(folder, files.trustedRoot), 'utf8')),
      artifactBytes: readFileSync(join(folder, files.artifact)),
      transparency: 'required',
    });
    return 'pass';
  } catch (error) {
    if (error instanceof SigstoreError) return error.code;
    throw error;
  }
}

describe.each([
  ['copied', COPIED],
  ['whole', WHOLE],
])('sigstore-conformance bundles, %s set', (_name, folder) => {
  if (!existsSync(folder)) {
    test.skip('the set is not beside this repository', () => undefined);
    return;
  }
  test.each(casesOf(folder))('%s', (name, files) => {
    const expected = OUTCOMES[name];
    expect(expected).toBeDefined();
    // Our outcome may refuse more than upstream's, never less.
    if (files.expected === 'fail') expect(expected).not.toBe('pass');
    expect(outcome(folder, files)).toBe(expected);
  });
});

test('the copied set holds both outcomes', () => {
  const names = array(string)(casesOf(COPIED).map(([name]) => name));
  expect(names.filter((name) => OUTCOMES[name] === 'pass').length).toBeGreaterThanOrEqual(3);
  expect(names.length).toBeGreaterThanOrEqual(10);
});
