import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  buildProvenance,
  buildVsa,
  encodeStatement,
  PREDICATE_SLOTS,
  PREDICATE_TYPES,
  parseEnvelope,
  parseProvenance,
  parseStatement,
  parseVsa,
  SLSA_VERSION,
  STATEMENT_PAYLOAD_TYPE,
  slotOfPredicateType,
} from '@paved/attestation';

const SUBJECTS = [{ name: 'app.tgz', digest: { sha256: 'a'.repeat(64) } }];

function fixture(path: string): string {
  return readFileSync(new URL(`./fixtures/${path}`, import.meta.url), 'utf8');
}

test('the list of predicate types is closed and one to one', () => {
  expect(PREDICATE_SLOTS.map((slot) => slotOfPredicateType(PREDICATE_TYPES[slot]))).toEqual(PREDICATE_SLOTS);
  expect(slotOfPredicateType('https://slsa.dev/provenance/v1/')).toBeUndefined();
  expect(slotOfPredicateType('https://slsa.dev/provenance/v0.2')).toBeUndefined();
});

describe('provenance', () => {
  const bundle = JSON.parse(fixture('provenance/reusable-publish.sigstore.json').split('\n')[0] ?? '');
  const envelope = parseEnvelope(JSON.stringify(bundle.dsseEnvelope));

  test('reads what a reusable workflow on GitHub really signed', () => {
    expect(envelope.payloadType).toBe(STATEMENT_PAYLOAD_TYPE);
    const { predicate } = parseProvenance(parseStatement(envelope.payload));
    expect(predicate.runDetails.builder.id).toBe(
      'https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1',
    );
    expect(predicate.buildDefinition.resolvedDependencies?.[0]?.digest).toEqual(
      expect.objectContaining({ gitCommit: '8f70009fde0c94ade6ce2a054b94718c819126ec' }),
    );
  });

  test('refuses the same statement under another predicate type', () => {
    const statement = parseStatement(envelope.payload);
    expect(() => parseVsa(statement)).toThrow(expect.objectContaining({ code: 'PREDICATE_TYPE_UNKNOWN' }));
    expect(() => parseProvenance({ ...statement, predicateType: `${PREDICATE_TYPES.provenance}.1` })).toThrow(
      expect.objectContaining({ code: 'PREDICATE_TYPE_UNKNOWN' }),
    );
  });

  const good = {
    buildDefinition: { buildType: 'https://example.com/b/v1', externalParameters: {} },
    runDetails: { builder: { id: 'https://example.com/builder' } },
  };

  test('survives its own encoding', () => {
    expect(parseProvenance(parseStatement(encodeStatement(buildProvenance(SUBJECTS, good)))).predicate).toEqual(
      expect.objectContaining({ runDetails: good.runDetails }),
    );
  });

  test.each([
    ['no builder id', { ...good, runDetails: { builder: {} } }],
    ['no externalParameters', { ...good, buildDefinition: { buildType: 'x' } }],
    ['a time without offset', { ...good, runDetails: { ...good.runDetails, metadata: { startedOn: '2026-01-01' } } }],
    [
      'an empty resource descriptor',
      { ...good, buildDefinition: { ...good.buildDefinition, resolvedDependencies: [{ name: 'x' }] } },
    ],
    [
      'a malformed digest',
      { ...good, buildDefinition: { ...good.buildDefinition, resolvedDependencies: [{ digest: { sha256: 'XY' } }] } },
    ],
  ])('refuses: %s', (_name, predicate) => {
    const statement = { ...buildProvenance(SUBJECTS, good), predicate };
    expect(() => parseProvenance(statement)).toThrow(expect.objectContaining({ code: 'PREDICATE_MALFORMED' }));
  });
});

describe('verification summary', () => {
  const good = {
    verifier: { id: 'https://github.com/org/paved/verify' },
    timeVerified: '2026-01-01T00:00:00Z',
    resourceUri: 'oci://registry.example/app:1.0.0',
    policy: { uri: 'https://example.com/policy', digest: { sha256: 'b'.repeat(64) } },
    verificationResult: 'PASSED' as const,
    verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
    slsaVersion: SLSA_VERSION,
  };

  test('reads one that another organisation issued', () => {
    const { payload } = parseEnvelope(fixture('vsa/gke.json'));
    expect(parseVsa(parseStatement(payload)).predicate.verifiedLevels).toEqual(['BCID_L1', 'SLSA_BUILD_LEVEL_2']);
  });

  test('survives its own encoding', () => {
    expect(parseVsa(parseStatement(encodeStatement(buildVsa(SUBJECTS, good)))).predicate.resourceUri).toBe(
      good.resourceUri,
    );
  });

  test.each([
    ['an unknown result', { ...good, verificationResult: 'passed' }],
    ['no resourceUri', { ...good, resourceUri: undefined }],
    ['no policy', { ...good, policy: undefined }],
    ['no levels', { ...good, verifiedLevels: undefined }],
    ['no verifier', { ...good, verifier: {} }],
  ])('refuses: %s', (_name, predicate) => {
    expect(() => parseVsa({ ...buildVsa(SUBJECTS, good), predicate })).toThrow(
      expect.objectContaining({ code: 'PREDICATE_MALFORMED' }),
    );
  });
});
