import { describe, expect, test } from '@jest/globals';
import { parseBuildRecord, parseBundleIndex, parseIsolationReport } from '@paved/attestation';

const REPORT = {
  mediaType: 'application/vnd.paved.isolation.v1+json',
  method: 'user-namespace',
  hermetic: true,
  checks: [{ name: 'dns', target: 'example.com', outcome: 'blocked', detail: 'EAI_AGAIN' }],
  kernel: '6.8.0',
  at: '2026-01-01T00:00:00.000Z',
};
const RECORD = {
  mediaType: 'application/vnd.paved.build-record.v1+json',
  command: 'npm run build',
  exitStatus: 0,
  startedOn: '2026-01-01T00:00:00Z',
  finishedOn: '2026-01-01T00:01:00Z',
  outputs: [{ path: 'out/app.tgz', size: 12, sha256: `sha256:${'a'.repeat(64)}` }],
  log: { path: 'build.log', sha256: 'b'.repeat(64) },
};

describe('isolation report', () => {
  test('reads a hermetic one and one without isolation', () => {
    expect(parseIsolationReport(JSON.stringify(REPORT)).hermetic).toBe(true);
    expect(
      parseIsolationReport(JSON.stringify({ ...REPORT, method: 'none', hermetic: false, checks: [] })).method,
    ).toBe('none');
  });

  test.each([
    ['hermetic without isolation', { method: 'none' }],
    ['hermetic without a check', { checks: [] }],
    ['hermetic beside a reachable target', { checks: [{ ...REPORT.checks[0], outcome: 'reachable' }] }],
    ['another media type', { mediaType: 'application/json' }],
    ['an unknown method', { method: 'docker' }],
    ['hermetic as text', { hermetic: 'true' }],
    ['an unknown outcome', { checks: [{ name: 'x', target: 'y', outcome: 'skipped' }] }],
  ])('refuses: %s', (_name, overrides) => {
    expect(() => parseIsolationReport(JSON.stringify({ ...REPORT, ...overrides }))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_MALFORMED' }),
    );
  });
});

describe('build record', () => {
  test('gives digests in one form', () => {
    const record = parseBuildRecord(JSON.stringify(RECORD));
    expect([record.outputs[0]?.sha256, record.log.sha256]).toEqual([
      `sha256:${'a'.repeat(64)}`,
      `sha256:${'b'.repeat(64)}`,
    ]);
  });

  test.each(['/etc/passwd', '../x', 'a/../b', 'a//b', './a', '', 'a\\b', 'a\0b'])(
    'refuses the output path %j',
    (path) => {
      const outputs = [{ ...RECORD.outputs[0], path }];
      expect(() => parseBuildRecord(JSON.stringify({ ...RECORD, outputs }))).toThrow(
        expect.objectContaining({ code: 'DOCUMENT_MALFORMED' }),
      );
    },
  );

  test('refuses a malformed digest', () => {
    expect(() => parseBuildRecord(JSON.stringify({ ...RECORD, log: { path: 'x', sha256: 'zz' } }))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_MALFORMED' }),
    );
  });
});

describe('bundle index', () => {
  const entry = {
    path: 'provenance.sigstore.json',
    content: 'dsse',
    slot: 'provenance',
    predicateType: 'https://slsa.dev/provenance/v1',
    subjects: [{ name: 'app.tgz', digest: `sha256:${'a'.repeat(64)}` }],
    sha256: `sha256:${'b'.repeat(64)}`,
  };
  const indexOf = (bundle: unknown) =>
    JSON.stringify({ mediaType: 'application/vnd.paved.bundles.v1+json', bundles: [bundle], signer: {} });

  test('gives subjects one form', () => {
    const set = { ...entry, subjects: [{ name: 'app.tgz', digest: { sha256: 'a'.repeat(64) } }] };
    expect(parseBundleIndex(indexOf(set))).toEqual(parseBundleIndex(indexOf(entry)));
  });

  test.each([
    ['a path that leaves the folder', { ...entry, path: '../x' }],
    ['an unknown content', { ...entry, content: 'blob' }],
    ['a subject without sha256', { ...entry, subjects: [{ name: 'x', digest: { sha512: 'a'.repeat(128) } }] }],
    ['no digest', { ...entry, sha256: undefined }],
  ])('refuses: %s', (_name, bundle) => {
    expect(() => parseBundleIndex(indexOf(bundle))).toThrow(expect.objectContaining({ code: 'DOCUMENT_MALFORMED' }));
  });
});
