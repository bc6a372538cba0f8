import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TRUST_MEDIA_TYPE } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import type { GitHubClaimsOptions } from '@paved/testkit';
import { FILE_DIGEST, type FileBench, type FileOutcome, startFileBench } from './file-bench.js';
import { CERTIFICATE, ENTRY, flipped, swapped, TIMESTAMPS, valueAt, withValue } from './tamper.js';
import { honest, SIGNER, startWorld, WORKFLOW, type World } from './world.js';

let world: World;
let bench: FileBench;
/** Two good bundles about the same file, so that parts can be exchanged. */
let good: string;
let other: string;

beforeAll(async () => {
  world = await startWorld();
  bench = await startFileBench(world);
  const { provenance } = honest(FILE_DIGEST);
  good = await world.sign('provenance', provenance, FILE_DIGEST);
  other = await world.sign('provenance', provenance, FILE_DIGEST);
});
afterAll(async () => {
  await bench.dispose();
  await world.close();
});

const SIGNED = 'provenance-signed';
const SIGNATURES = ['dsseEnvelope', 'signatures'];

function codeOf({ code, failed }: FileOutcome): string | undefined {
  expect(code).toBe('VERIFICATION_FAILED');
  return failed[SIGNED];
}

test('the bundles that are tampered with below are good', async () => {
  for (const bundle of [good, other]) expect((await bench.verify([bundle])).code).toBeUndefined();
});

describe('a bundle with', () => {
  const TAMPERINGS: readonly (readonly [string, () => string, string])[] = [
    ['the log entry of another one', () => swapped(good, other, ENTRY), 'LOG_ENTRY_MISMATCH'],
    ['the signature of another one', () => swapped(good, other, SIGNATURES), 'SIGNATURE_INVALID'],
    [
      'signature, timestamp and log entry of another one',
      () => [SIGNATURES, TIMESTAMPS, ENTRY].reduce((text, path) => swapped(text, other, path), good),
      'CERTIFICATE_MISMATCH',
    ],
    ['the certificate of an earlier one', () => swapped(other, good, CERTIFICATE), 'CERTIFICATE_MISMATCH'],
    ['the timestamp of another one', () => swapped(good, other, TIMESTAMPS), 'TIMESTAMP_INVALID'],
    ['a changed certificate', () => flipped(good, [...CERTIFICATE, 'rawBytes']), 'CERTIFICATE_UNTRUSTED'],
    ['no log entry', () => withValue(good, ENTRY.slice(0, -1), []), 'LOG_ENTRY_MISSING'],
    ['no inclusion proof', () => withValue(good, [...ENTRY, 'inclusionProof'], undefined), 'INCLUSION_PROOF_MISSING'],
    [
      'no checkpoint',
      () => withValue(good, [...ENTRY, 'inclusionProof', 'checkpoint'], undefined),
      'CHECKPOINT_MISSING',
    ],
    ['a changed checkpoint', () => withCheckpoint(good, (note) => note.replace('\n', '\n1')), 'CHECKPOINT_INVALID'],
    [
      'a proof of another place',
      () => withValue(good, [...ENTRY, 'inclusionProof', 'logIndex'], '7'),
      'INCLUSION_PROOF_INVALID',
    ],
    ['no timestamp', () => withValue(good, TIMESTAMPS, { rfc3161Timestamps: [] }), 'TIMESTAMP_MISSING'],
    [
      'another predicate than it was signed with',
      () => withPayload(good, (statement) => ({ ...statement, predicate: {} })),
      'SIGNATURE_INVALID',
    ],
  ];

  test.each(TAMPERINGS)('%s is refused', async (_name, tamper, code) => {
    const tampered = tamper();
    expect(tampered).not.toBe(good);
    expect(codeOf(await bench.verify([tampered]))).toBe(code);
  });
});

function withCheckpoint(bundle: string, change: (note: string) => string): string {
  const path = [...ENTRY, 'inclusionProof', 'checkpoint', 'envelope'];
  return withValue(bundle, path, change(String(valueAt(bundle, path))));
}

function withPayload(bundle: string, change: (statement: Record<string, unknown>) => unknown): string {
  const payload = Buffer.from(String(JSON.parse(bundle).dsseEnvelope.payload), 'base64').toString();
  const text = JSON.stringify(change(JSON.parse(payload)));
  return withValue(bundle, ['dsseEnvelope', 'payload'], Buffer.from(text).toString('base64'));
}

describe('a properly signed', () => {
  const statement = (change: object) =>
    Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: 'widget', digest: { sha256: FILE_DIGEST.slice(7) } }],
        predicateType: 'https://slsa.dev/provenance/v1',
        predicate: honest(FILE_DIGEST).provenance,
        ...change,
      }),
    );

  test.each<[string, () => Uint8Array, string]>([
    ['payload that is no JSON', () => Buffer.from('{'), 'PAYLOAD_MALFORMED'],
    ['statement of another type', () => statement({ _type: 'https://example.com/Statement/v9' }), 'PAYLOAD_MALFORMED'],
    ['statement without subjects', () => statement({ subject: [] }), 'SUBJECT_EMPTY'],
    [
      'statement about another file',
      () => statement({ subject: [{ name: 'widget', digest: { sha256: sha256('other').slice(7) } }] }),
      'SUBJECT_MISMATCH',
    ],
    [
      'statement of another predicate type',
      () => statement({ predicateType: 'https://example.com/other/v1' }),
      'ATTESTATION_MISSING',
    ],
    [
      'statement of another version of the predicate type',
      () => statement({ predicateType: 'https://slsa.dev/provenance/v0.2' }),
      'PREDICATE_TYPE_MISMATCH',
    ],
  ])('%s is refused', async (_name, payload, code) => {
    const bundle = await world.signPayload(payload());
    expect(codeOf(await bench.verify([bundle]))).toBe(code);
  });
});

describe('a signature of', () => {
  test.each<[string, GitHubClaimsOptions, string]>([
    ['a self-hosted runner', { runnerEnvironment: 'self-hosted' }, 'RUNNER_ENVIRONMENT_MISMATCH'],
    ['another workflow', { jobWorkflowRef: 'org/paved/.github/workflows/x.yml@refs/tags/v1' }, 'WORKFLOW_MISMATCH'],
    ['another ref', { ref: 'refs/heads/topic' }, 'REF_MISMATCH'],
    ['another commit of the workflow', { jobWorkflowSha: 'b'.repeat(40) }, 'SIGNER_DIGEST_MISMATCH'],
    ['another repository id', { repositoryId: '1' }, 'REPOSITORY_MISMATCH'],
    ['another owner id', { ownerId: '1' }, 'OWNER_MISMATCH'],
  ])('%s is refused', async (_name, claims, code) => {
    const bundle = await world.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST, claims);
    expect(codeOf(await bench.verify([bundle]))).toBe(code);
  });

  test('another issuer is refused', async () => {
    expect(codeOf(await bench.verify([good], { issuer: 'https://token.example.com' }))).toBe('ISSUER_MISMATCH');
  });

  test('a revoked commit is refused with the reason, although signer-digests names it', async () => {
    const trust = JSON.stringify({
      mediaType: TRUST_MEDIA_TYPE,
      sequence: 2,
      updatedAt: '2026-01-02T00:00:00Z',
      identities: [{ issuer: world.identity.issuer, workflowPath: `github.com/${WORKFLOW}` }],
      commits: [
        { commit: 'd'.repeat(40), status: 'released', since: '2026-01-01T00:00:00Z' },
        { commit: SIGNER, status: 'revoked', since: '2026-01-02T00:00:00Z', reason: 'it leaked its token' },
      ],
    });
    for (const digests of ['', SIGNER]) {
      const outcome = await bench.verify([good], { trust, 'signer-digests': digests });
      expect(codeOf(outcome)).toBe('SIGNER_REVOKED');
      const check = outcome.verification?.checks.find(({ name }) => name === SIGNED);
      expect(check?.detail).toContain('it leaked its token');
    }
  });
});

describe('an instance', () => {
  test('without SCTs in its certificates is refused where the trusted root has a CT log', async () => {
    world.sigstore.embedSct = false;
    const bundle = await world.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST);
    world.sigstore.embedSct = true;
    expect(codeOf(await bench.verify([bundle]))).toBe('SCT_MISSING');
  });

  test('whose log has another key is refused', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const rawBytes = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    const root = withValue(world.trustedRoot, ['tlogs', 0, 'publicKey', 'rawBytes'], rawBytes);
    expect(codeOf(await bench.verify([good], { 'trusted-root': root }))).toBe('LOG_UNTRUSTED');
  });

  test('whose log is not in the trusted root is refused', async () => {
    const root = withValue(world.trustedRoot, ['tlogs'], []);
    expect(codeOf(await bench.verify([good], { 'trusted-root': root }))).toBe('LOG_UNTRUSTED');
  });

  test('whose authority is another one is refused', async () => {
    const stranger = await startWorld();
    const bundle = await stranger.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST);
    await stranger.close();
    const issuer = String(stranger.identity.issuer);
    expect(codeOf(await bench.verify([bundle], { issuer }))).toBe('CERTIFICATE_UNTRUSTED');
  });

  test('that signed after its certificate expired is refused', async () => {
    const late = await startWorld({ tsaClock: new Date(Date.now() + 3_600_000) });
    const lateBench = await startFileBench(late);
    const bundle = await late.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST);
    const outcome = await lateBench.verify([bundle]);
    await lateBench.dispose();
    await late.close();
    expect(codeOf(outcome)).toBe('CERTIFICATE_EXPIRED');
  });
});
