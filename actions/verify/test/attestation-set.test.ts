import { createPublicKey, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { pae, parseEnvelope, parseStatement, parseVsa } from '@paved/attestation';
import { type Digest, parseDigest } from '@paved/digest';
import { type IdentityPolicy, parseTrustedRoot } from '@paved/sigstore';
import { readClaimed } from '../src/candidate.js';
import { readBundles } from '../src/read-bundles.js';
import type { VerificationPolicy } from '../src/verification-policy.js';
import { verifyCandidate } from '../src/verify-candidate.js';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/** The whole set where it stands beside the repository, and the part of it that is copied. */
const WHOLE = join(REPOSITORY, '../shared/fixtures/attestations');
const COPIED = join(REPOSITORY, 'test/fixtures/attestations');
const SET = existsSync(WHOLE) ? WHOLE : COPIED;

interface Case {
  readonly name: string;
  readonly expected: 'pass' | 'fail' | 'equal';
  readonly kind?: string;
  readonly bundle?: string;
  readonly append?: string;
  readonly owner?: string;
  readonly repo?: string;
  readonly artifact?: string | null;
  readonly artifacts?: readonly string[];
  readonly attestation?: string;
  readonly attestations?: string | number;
  readonly digestAlgorithm?: 'sha512';
  readonly builderId?: string | null;
  readonly publicKey?: string;
  readonly publicKeyId?: string;
  readonly resourceUri?: string;
  readonly verifierId?: string;
}

interface Certificate {
  readonly san?: readonly string[];
  readonly extensions?: Readonly<Record<string, string>>;
  readonly subjects?: readonly { readonly digest: Readonly<Record<string, string>> }[];
}

/** What this verifier says of each case; `accepted` or the code. A comment where it differs from upstream's verdict. */
const OUTCOMES: Readonly<Record<string, string>> = {
  'public good: valid owner': 'accepted',
  'public good: valid repo': 'accepted',
  'public good: valid owner, invalid repo': 'REPOSITORY_MISMATCH',
  'public good: invalid owner': 'OWNER_MISMATCH',
  'public good: invalid owner and repo': 'REPOSITORY_MISMATCH',
  'JSON lines with two bundles': 'accepted',
  'JSON lines with two extra empty lines at the end still loads': 'accepted',
  // gh wants an inclusion proof; with version 0.1 the log's signed promise is one too, as the conformance suite has it.
  'bundle v0.1 (no inclusion proof) is refused by gh': 'accepted',
  'invalid signature': 'CERTIFICATE_MALFORMED',
  'bundle content is missing': 'BUNDLE_MALFORMED',
  'reusable publish workflow': 'accepted',
  'reusable publish workflow, no builder id given': 'POLICY_INVALID',
  // Its signature is good, but a certificate of early 2023 does not say which workflow held the job.
  'valid bundle: v0.1': 'IDENTITY_MISMATCH',
  // The entry of another signature also has another time.
  'mismatch rekor entry': 'CERTIFICATE_EXPIRED',
  'VSA: success': 'accepted',
  'VSA: empty public key id': 'SIGNATURE_INVALID',
  'VSA: wrong key id': 'SIGNATURE_INVALID',
  // Envelopes alone: upstream asks the log online; a verifier that works offline has no proof of time.
  'multiple subjects: first': 'BUNDLE_MALFORMED',
  'multiple subjects: second': 'BUNDLE_MALFORMED',
  'multiple subjects: first and second': 'BUNDLE_MALFORMED',
  'multiple subjects: repeated': 'BUNDLE_MALFORMED',
  'npm supreme-googles-cli-v02-tag-invalidsigprov': 'SIGNATURE_INVALID',
  // The publish attestation is signed with the registry's key, which no identity policy covers; the set names no signer of the provenance.
  'npm supreme-googles-cli-v02-tag-invalidsigpub': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: valid': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: short builder name': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: no builder': 'POLICY_INVALID',
  'npm CLI v0.2: other builder': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: source differs in case': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: no package name': 'WORKFLOW_MISMATCH',
  'npm CLI v0.2: no package version': 'WORKFLOW_MISMATCH',
  // actions/provenance/test/github-workflow.test.ts builds this predicate from the same claims.
  'provenance predicate from OIDC claims': 'built by provenance',
};

function read(path: string): string {
  return readFileSync(join(SET, path), 'utf8');
}

/** The identity of the bundle's own certificate, so that only what the case changes is wrong. */
function identityOf(one: Case, certificate: Certificate | undefined): IdentityPolicy {
  const { extensions = {}, san } = certificate ?? {};
  const isOwner = one.owner === undefined || extensions.sourceRepositoryOwnerURI === `https://github.com/${one.owner}`;
  const isRepo = one.repo === undefined || extensions.sourceRepositoryURI === `https://github.com/${one.repo}`;
  const workflowPath = (san?.[0] ?? 'https://github.com/a/b/.github/workflows/c.yml@').split('@')[0]?.slice(8) ?? '';
  return {
    issuer: 'https://token.actions.githubusercontent.com',
    workflowPath: one.builderId === null ? '' : workflowPath,
    signerDigests: [extensions.buildSignerDigest ?? 'f'.repeat(40)],
    repositoryId: isRepo ? (extensions.sourceRepositoryIdentifier ?? '1') : '31337',
    ownerId: isOwner ? (extensions.sourceRepositoryOwnerIdentifier ?? '1') : '31337',
    runnerEnvironment: 'github-hosted',
  };
}

function digestOf(one: Case, certificate: Certificate | undefined): Digest {
  const [algorithm, hex] = Object.entries(certificate?.subjects?.[0]?.digest ?? {})[0] ?? [];
  if (typeof one.artifact !== 'string') return parseDigest(`${algorithm ?? 'sha256'}:${hex ?? '0'.repeat(64)}`);
  const digests = JSON.parse(read(`${one.artifact}.digests.json`)) as Record<string, string>;
  const wanted = one.kind === 'npm-attestations' ? 'sha512' : (one.digestAlgorithm ?? 'sha256');
  return parseDigest(`${wanted}:${digests[wanted]}`);
}

/** Bundles of 2023 carry the root, which is refused before anything else (conformance: bundle-with-root-cert_fail). */
function leafAlone(text: string): string {
  try {
    const bundle = JSON.parse(text);
    const chain = bundle.verificationMaterial?.x509CertificateChain;
    if (chain === undefined) return text;
    chain.certificates = chain.certificates.slice(0, 1);
    return JSON.stringify(bundle);
  } catch {
    return text;
  }
}

function verdictOn(text: string, one: Case, certificate: Certificate | undefined): string {
  const identity = identityOf(one, certificate);
  const trustedRoot = parseTrustedRoot(read('trusted_root.json'));
  const policy: VerificationPolicy = {
    identity,
    require: ['provenance'],
    allowIsolationNone: true,
    transparency: 'required',
    trustedRoot: trustedRoot.sha256,
  };
  const artifact = { name: one.name, digest: digestOf(one, certificate) };
  const claimed = readClaimed({ origin: one.name, text: leafAlone(text) });
  const result = verifyCandidate(claimed, artifact, identity, undefined, {
    policy,
    trustedRoot,
    listsBundles: false,
    refusals: new WeakMap(),
    at: new Date(),
  });
  return result.$case === 'verified' ? 'accepted' : result.refusal.code;
}

async function bundleCase(one: Case, certificates: readonly Certificate[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-set-'));
  const path = join(folder, 'bundles.jsonl');
  await writeFile(path, `${read(one.bundle ?? '')}${one.append ?? ''}`);
  const candidates = await readBundles([path]);
  await rm(folder, { recursive: true });
  if (typeof one.attestations === 'number') expect(candidates).toHaveLength(one.attestations);
  const verdicts = candidates.map(({ text }, index) => verdictOn(text, one, certificates[index]));
  expect(verdicts.length).toBeGreaterThan(0);
  return verdicts.find((verdict) => verdict !== 'accepted') ?? 'accepted';
}

function vsaCase(one: Case): string {
  const envelope = parseEnvelope(read(one.attestation ?? '').trim());
  const key = createPublicKey(read(one.publicKey ?? ''));
  const keyId = one.publicKeyId ?? '';
  const signed = envelope.signatures
    .filter(({ keyid }) => keyid === keyId)
    .some(({ sig }) =>
      verify('sha256', pae(envelope.payloadType, envelope.payload), { key, dsaEncoding: 'ieee-p1363' }, sig),
    );
  if (!signed) return 'SIGNATURE_INVALID';
  const { predicate } = parseVsa(parseStatement(envelope.payload));
  expect(predicate).toMatchObject({ resourceUri: one.resourceUri, verifier: { id: one.verifierId } });
  return 'accepted';
}

function npmCase(one: Case): string {
  const { attestations } = JSON.parse(read(String(one.attestations))) as {
    attestations: { predicateType: string; bundle: unknown }[];
  };
  const provenance = attestations.find(({ predicateType }) => predicateType.startsWith('https://slsa.dev/provenance/'));
  return verdictOn(JSON.stringify(provenance?.bundle), one, undefined);
}

async function outcomeOf(one: Case, certificates: readonly Certificate[]): Promise<string> {
  switch (one.kind) {
    case undefined:
      return await bundleCase(one, certificates);
    case 'vsa':
      return vsaCase(one);
    case 'dsse-with-rekor-search':
      return verdictOn(read(one.attestation ?? ''), one, undefined);
    case 'npm-attestations':
      return npmCase(one);
    case 'predicate':
      return 'built by provenance';
    default:
      return `kind ${one.kind} has no assertion`;
  }
}

/** Also refused, each for its stated reason, or accepted against upstream's own policy. */
const OWN_VERDICT = /^(valid bundle: v0\.1|multiple subjects: .+|npm CLI v0\.2: .+|bundle v0\.1 .+)$/;

interface Expectations {
  readonly cases: readonly Case[];
  readonly certificates: Readonly<Record<string, readonly Certificate[]>>;
}

function expectations(folder: string): Expectations {
  return JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expectations;
}

describe('the set of real attestations', () => {
  const { cases, certificates } = expectations(SET);

  test('has an assertion for every case', () => {
    expect(cases.filter(({ name }) => !Object.hasOwn(OUTCOMES, name))).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(10);
  });

  (SET === WHOLE ? test : test.skip)('is whole: no assertion without a case, and the copy says the same', () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(OUTCOMES).sort());
    expect(cases).toEqual(expect.arrayContaining([...expectations(COPIED).cases]));
  });

  test.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const outcome = await outcomeOf(one, certificates[one.bundle ?? ''] ?? []);
    expect(outcome).toBe(OUTCOMES[name]);
    if (!OWN_VERDICT.test(name) && one.expected !== 'equal') {
      expect(outcome === 'accepted').toBe(one.expected === 'pass');
    }
  });
});
