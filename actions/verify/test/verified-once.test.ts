import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Digest, sha256 } from '@paved/digest';
import { type IdentityPolicy, parseTrustedRoot } from '@paved/sigstore';
import { type Candidate, readClaimed } from '../src/candidate.js';
import { type Question, verifyCandidate } from '../src/verify-candidate.js';
import { SIGNER, startWorld, WORKFLOW, type World } from './world.js';

const ONE = sha256('one manifest');
const OTHER = sha256('another manifest');

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

function identity(changes: Partial<IdentityPolicy> = {}): IdentityPolicy {
  return {
    issuer: String(world.identity.issuer),
    workflowPath: `github.com/${WORKFLOW}`,
    signerDigests: [SIGNER],
    repositoryId: '900100',
    ownerId: '800200',
    runnerEnvironment: 'github-hosted',
    ...changes,
  };
}

function questionOf(signer: IdentityPolicy): Question {
  const trustedRoot = parseTrustedRoot(world.trustedRoot);
  const policy = {
    identity: signer,
    require: ['signature'],
    allowIsolationNone: false,
    transparency: 'required',
  } as const;
  return {
    ...{ policy: { ...policy, trustedRoot: trustedRoot.sha256 }, trustedRoot },
    ...{ at: new Date(), listsBundles: false, refusals: new WeakMap() },
  };
}

/** Counts how often anybody looks at what the bundle holds. */
function counted(text: string): { readonly candidate: Candidate; readonly looks: () => number } {
  let looks = 0;
  const candidate = {
    origin: 'a bundle',
    get text() {
      looks += 1;
      return text;
    },
  };
  return { candidate, looks: () => looks };
}

/** One statement about both manifests, as an attacker or an honest release could sign it. */
async function aboutBoth(): Promise<string> {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [ONE, OTHER].map((digest, index) => ({ name: `${index}`, digest: { sha256: digest.slice(7) } })),
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
  return await world.signPayload(Buffer.from(JSON.stringify(statement)));
}

function changedSignature(text: string): string {
  const bundle = JSON.parse(text);
  const [signature] = bundle.dsseEnvelope.signatures;
  const bytes = Buffer.from(signature.sig, 'base64');
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  signature.sig = bytes.toString('base64');
  return JSON.stringify(bundle);
}

describe('a bundle that does not verify', () => {
  test.each([
    ['with another signature', changedSignature, 'SIGNATURE_INVALID'],
    ['that is none', () => '{', 'BUNDLE_MALFORMED'],
  ])('%s is looked at once, however many manifests it claims to be about', async (_name, change, code) => {
    const { candidate, looks } = counted(change(await aboutBoth()));
    const claimed = readClaimed(candidate);
    const signer = identity();
    const question = questionOf(signer);
    const before = looks();
    const answers = [ONE, OTHER, ONE, OTHER].map((digest) =>
      verifyCandidate(claimed, { name: 'x', digest }, signer, 'https://sigstore.dev/cosign/sign/v1', question),
    );
    expect(answers.map((answer) => answer.$case === 'refused' && answer.refusal.code)).toEqual([
      code,
      code,
      code,
      code,
    ]);
    expect(looks() - before).toBe(1);
  });
});

describe('what is refused for one question is asked again for another', () => {
  const ask = (text: string, digest: Digest, signer: IdentityPolicy, question: Question, type?: string) =>
    verifyCandidate(
      readClaimed({ origin: 'x', text }),
      { name: 'x', digest },
      signer,
      type ?? 'https://sigstore.dev/cosign/sign/v1',
      question,
    );

  test('another artifact, another type, another signer', async () => {
    const text = await aboutBoth();
    const [ours, stranger] = [identity(), identity({ repositoryId: '1' })];
    const question = questionOf(ours);
    const code = (...args: Parameters<typeof ask>) => {
      const answer = ask(...args);
      return answer.$case === 'refused' ? answer.refusal.code : 'verified';
    };
    expect(code(text, sha256('a third'), ours, question)).toBe('SUBJECT_MISMATCH');
    expect(code(text, ONE, ours, question, 'https://slsa.dev/provenance/v1')).toBe('PREDICATE_TYPE_MISMATCH');
    expect(code(text, ONE, stranger, question)).toBe('REPOSITORY_MISMATCH');
    expect(code(text, ONE, ours, question)).toBe('verified');
    expect(code(text, OTHER, ours, question)).toBe('verified');
    expect(code(text, ONE, stranger, question)).toBe('REPOSITORY_MISMATCH');
  });

  test('one candidate, held by the same object, for each of them', async () => {
    const candidate = { origin: 'x', text: await aboutBoth() };
    const claimed = readClaimed(candidate);
    const [ours, stranger] = [identity(), identity({ repositoryId: '1' })];
    const question = questionOf(ours);
    const type = 'https://sigstore.dev/cosign/sign/v1';
    const verdict = (digest: Digest, signer: IdentityPolicy, predicateType = type) =>
      verifyCandidate(claimed, { name: 'x', digest }, signer, predicateType, question).$case;
    expect(verdict(ONE, stranger)).toBe('refused');
    expect(verdict(ONE, ours, 'https://slsa.dev/provenance/v1')).toBe('refused');
    expect(verdict(ONE, ours)).toBe('verified');
    expect(verdict(sha256('a third'), ours)).toBe('refused');
    expect(verdict(OTHER, ours)).toBe('verified');
  });
});
