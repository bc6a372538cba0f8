import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TRUST_MEDIA_TYPE } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import type { GitHubClaimsOptions } from '@paved/testkit';
import { FILE_DIGEST, type FileBench, startFileBench } from './file-bench.js';
import { CERTIFICATE, ENTRY, swapped, TIMESTAMPS, valueAt, withValue } from './tamper.js';
import { honest, SIGNER, startWorld, WORKFLOW, type World } from './world.js';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

let world: World;
let bench: FileBench;
/** Two good bundles about the same file, each with a certificate of its own. */
let good: string;
let other: string;

beforeAll(async () => {
  world = await startWorld();
  bench = await startFileBench(world);
  // The order matters: an earlier certificate is valid when the later bundle is signed.
  other = await signed();
  good = await signed();
});
afterAll(async () => {
  await bench.dispose();
  await world.close();
});

const PROOF = [...ENTRY, 'inclusionProof'];
const CHECKPOINT = [...PROOF, 'checkpoint'];

function signed(claims: GitHubClaimsOptions = {}): Promise<string> {
  return world.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST, claims);
}

function statement(change: object): Promise<string> {
  const whole = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'widget', digest: { sha256: FILE_DIGEST.slice(7) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: honest(FILE_DIGEST).provenance,
    ...change,
  };
  return world.signPayload(Buffer.from(JSON.stringify(whole)));
}

/** What is given to the verifier: bundles, and inputs where they are not those of the control. */
interface Given {
  readonly bundles: readonly string[];
  readonly inputs?: Readonly<Record<string, string>>;
}

const of = (...bundles: readonly string[]): Given => ({ bundles });

function withoutSct(): Promise<string> {
  world.sigstore.embedSct = false;
  return signed().finally(() => {
    world.sigstore.embedSct = true;
  });
}

async function elsewhere(options: Parameters<typeof startWorld>[0] = {}): Promise<Given> {
  const stranger = await startWorld(options);
  const bundle = await stranger.sign('provenance', honest(FILE_DIGEST).provenance, FILE_DIGEST);
  await stranger.close();
  const own = options?.tsaClock === undefined ? {} : { 'trusted-root': stranger.trustedRoot };
  return { bundles: [bundle], inputs: { issuer: String(stranger.identity.issuer), ...own } };
}

function revoked(): Given {
  const trust = JSON.stringify({
    mediaType: TRUST_MEDIA_TYPE,
    sequence: 2,
    updatedAt: '2026-01-02T00:00:00Z',
    identities: [{ issuer: world.identity.issuer, workflowPath: `github.com/${WORKFLOW}` }],
    commits: [{ commit: SIGNER, status: 'revoked', since: '2026-01-02T00:00:00Z', reason: 'it leaked its token' }],
  });
  return { bundles: [good], inputs: { trust } };
}

const changedNote = (note: string) => note.replace('\n', '\n1');

/** One cause each; no two may have the same code. */
const MATRIX: Readonly<Record<string, readonly [string, () => Given | Promise<Given>]>> = {
  'no bundle': ['ATTESTATION_MISSING', () => of()],
  'no bundle that can be read': ['BUNDLE_MALFORMED', () => of('{}')],
  'log entry of another': ['LOG_ENTRY_MISMATCH', () => of(swapped(good, other, ENTRY))],
  'signature of another': ['SIGNATURE_INVALID', () => of(swapped(good, other, ['dsseEnvelope', 'signatures']))],
  'certificate of another': ['CERTIFICATE_MISMATCH', () => of(swapped(good, other, CERTIFICATE))],
  'timestamp of another': ['TIMESTAMP_INVALID', () => of(swapped(good, other, TIMESTAMPS))],
  'subject of another': [
    'SUBJECT_MISMATCH',
    async () => of(await statement({ subject: [{ name: 'widget', digest: { sha256: sha256('other').slice(7) } }] })),
  ],
  'predicate type of another version': [
    'PREDICATE_TYPE_MISMATCH',
    async () => of(await statement({ predicateType: 'https://slsa.dev/provenance/v0.2' })),
  ],
  'malformed payload': ['PAYLOAD_MALFORMED', async () => of(await world.signPayload(Buffer.from('{')))],
  'no subject': ['SUBJECT_EMPTY', async () => of(await statement({ subject: [] }))],
  'another key of the log': [
    'LOG_UNTRUSTED',
    () => ({ bundles: [good], inputs: { 'trusted-root': withValue(world.trustedRoot, ['tlogs'], []) } }),
  ],
  'no SCT': ['SCT_MISSING', async () => of(await withoutSct())],
  'no log entry': ['LOG_ENTRY_MISSING', () => of(withValue(good, ENTRY.slice(0, -1), []))],
  'no checkpoint': ['CHECKPOINT_MISSING', () => of(withValue(good, CHECKPOINT, undefined))],
  'no proof': ['INCLUSION_PROOF_MISSING', () => of(withValue(good, PROOF, undefined))],
  'no timestamp': ['TIMESTAMP_MISSING', () => of(withValue(good, TIMESTAMPS, { rfc3161Timestamps: [] }))],
  'changed checkpoint': [
    'CHECKPOINT_INVALID',
    () => {
      const path = [...CHECKPOINT, 'envelope'];
      return of(withValue(good, path, changedNote(String(valueAt(good, path)))));
    },
  ],
  'proof of another place': ['INCLUSION_PROOF_INVALID', () => of(withValue(good, [...PROOF, 'logIndex'], '7'))],
  'certificate that had expired at the time of the timestamp': [
    'CERTIFICATE_EXPIRED',
    () => elsewhere({ tsaClock: new Date(Date.now() + 3_600_000) }),
  ],
  'another Sigstore instance': ['CERTIFICATE_UNTRUSTED', () => elsewhere()],
  'another issuer': ['ISSUER_MISMATCH', () => ({ bundles: [good], inputs: { issuer: 'https://token.example.com' } })],
  'self-hosted runner': [
    'RUNNER_ENVIRONMENT_MISMATCH',
    async () => of(await signed({ runnerEnvironment: 'self-hosted' })),
  ],
  'another workflow': [
    'WORKFLOW_MISMATCH',
    async () => of(await signed({ jobWorkflowRef: 'org/paved/.github/workflows/x.yml@refs/tags/v1' })),
  ],
  'another ref': ['REF_MISMATCH', async () => of(await signed({ ref: 'refs/heads/topic' }))],
  'another commit of the workflow': [
    'SIGNER_DIGEST_MISMATCH',
    async () => of(await signed({ jobWorkflowSha: 'b'.repeat(40) })),
  ],
  'another repository id': ['REPOSITORY_MISMATCH', async () => of(await signed({ repositoryId: '1' }))],
  'another owner id': ['OWNER_MISMATCH', async () => of(await signed({ ownerId: '1' }))],
  'revoked commit': ['SIGNER_REVOKED', revoked],
};

test('the control is accepted', async () => {
  for (const bundle of [good, other]) expect((await bench.verify([bundle])).code).toBeUndefined();
});

test.each(Object.entries(MATRIX))('%s has its own code', async (_name, [code, given]) => {
  const { bundles, inputs = {} } = await given();
  const outcome = await bench.verify(bundles, inputs);
  expect(outcome.code).toBe('VERIFICATION_FAILED');
  expect(outcome.failed['provenance-signed']).toBe(code);
});

test('no two causes share a code', () => {
  const codes = Object.values(MATRIX).map(([code]) => code);
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
});

function codesIn(path: string, type: string): readonly string[] {
  const text = readFileSync(join(REPOSITORY, path), 'utf8');
  const [declaration = ''] = text.slice(text.indexOf(`export type ${type} =`)).split(';');
  return [...declaration.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code);
}

test('docs/verify.md explains every code that a check can have', () => {
  const codes = [
    ...codesIn('packages/sigstore/src/error.ts', 'VerificationErrorCode'),
    ...codesIn('actions/verify/src/check.ts', 'CheckCode'),
  ];
  expect(codes).toEqual(expect.arrayContaining(Object.values(MATRIX).map(([code]) => code)));
  const documentation = readFileSync(join(REPOSITORY, 'docs/verify.md'), 'utf8');
  expect(codes.filter((code) => !documentation.includes(`\`${code}\``))).toEqual([]);
});
