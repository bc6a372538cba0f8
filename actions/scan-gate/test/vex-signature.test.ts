import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { buildStatement, digestSetOf, encodeStatement, PREDICATE_TYPES } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { openKeySession, openSigningSession, parsePemKey } from '@paved/sigstore';
import {
  type GitHubClaimsOptions,
  githubClaims,
  type Issuer,
  type Sigstore,
  startIssuer,
  startSigstore,
} from '@paved/testkit';
import { ARTIFACT, AS_OF, type Scenario, scenario } from './scenario.js';

const PATH = 'octo/security/.github/workflows/vex.yml';
const COMMIT = 'd'.repeat(40);
const CLAIMS: GitHubClaimsOptions = { jobWorkflowRef: `${PATH}@refs/heads/main`, jobWorkflowSha: COMMIT };
const RELEASED = sha256(ARTIFACT);
const OPENVEX = 'https://openvex.dev/ns/v0.2.0';

const openvex = {
  '@context': OPENVEX,
  author: 'Octo',
  timestamp: '2025-08-01T00:00:00Z',
  statements: [
    {
      vulnerability: { name: 'CVE-2024-0001' },
      products: [{ '@id': 'pkg:npm/p@1.0.0' }],
      status: 'not_affected',
      justification: 'component_not_present',
    },
  ],
};
const csaf = {
  document: {
    category: 'csaf_vex',
    csaf_version: '2.0',
    publisher: { name: 'Octo', category: 'vendor', namespace: 'https://octo.example' },
    tracking: { current_release_date: '2025-08-01T00:00:00Z', status: 'final', id: '1', version: '1' },
  },
  product_tree: {
    full_product_names: [{ product_id: 'P', name: 'p', product_identification_helper: { purl: 'pkg:npm/p@1.0.0' } }],
  },
  vulnerabilities: [
    {
      cve: 'CVE-2024-0001',
      product_status: { known_not_affected: ['P'] },
      flags: [{ label: 'component_not_present', product_ids: ['P'] }],
    },
  ],
};
const cyclonedx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { timestamp: '2025-08-01T00:00:00Z', supplier: { name: 'Octo' }, authors: [{ name: 'Octo' }] },
  vulnerabilities: [
    {
      id: 'CVE-2024-0001',
      analysis: { state: 'not_affected', justification: 'code_not_present' },
      affects: [{ ref: 'pkg:npm/p@1.0.0' }],
    },
  ],
};
const report = {
  descriptor: { name: 'grype', timestamp: AS_OF },
  matches: [
    {
      vulnerability: { id: 'CVE-2024-0001', severity: 'Critical' },
      artifact: { name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' },
    },
  ],
};

let issuer: Issuer;
let sigstore: Sigstore;
const http = new HttpClient();
const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

beforeAll(async () => {
  issuer = await startIssuer();
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  http.close();
  await Promise.all([sigstore.close(), issuer.close()]);
});

const services = () => ({
  rekorUrl: sigstore.rekorUrl,
  tsaUrl: sigstore.tsaUrl,
  transparency: 'required' as const,
  http,
});

/** A bundle over bytes, or over a statement. */
async function sign(content: string | { readonly statement: Uint8Array }, claims: GitHubClaimsOptions = {}) {
  const idToken = () => issuer.sign(githubClaims({ ...CLAIMS, ...claims }), { audience: 'sigstore' });
  const session = await openSigningSession({ fulcioUrl: sigstore.fulcioUrl, ...services(), idToken });
  const signed =
    typeof content === 'string'
      ? await session.signBlob(Buffer.from(content))
      : await session.signStatement(content.statement);
  session.close();
  return signed.json;
}

async function signWithKey(content: string): Promise<string> {
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const session = await openKeySession({ key: parsePemKey({ pem: String(pem) } as never), ...services() });
  const { json } = await session.signBlob(Buffer.from(content));
  session.close();
  return json;
}

function statement(predicateType: string, predicate: unknown, digest = RELEASED): Uint8Array {
  return encodeStatement(
    buildStatement({ predicateType, subjects: [{ name: 'x', digest: digestSetOf(digest) }], predicate }),
  );
}

const workflow = () => ({
  issuer: issuer.url,
  'workflow-path': `github.com/${PATH}`,
  'signer-digests': [COMMIT],
  'repository-id': '900100',
  'owner-id': '800200',
});

describe('VEX under a policy that names signers', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
    await s.write('r.json', JSON.stringify(report));
  });
  afterEach(() => s.kit.dispose());

  async function judged(signers: readonly object[], inputs: Readonly<Record<string, string>> = {}) {
    const policy = JSON.stringify({ vex: { authors: ['Octo'], signers } });
    const alone = { sboms: '', 'osv-database': '', reports: 'r.json', vex: 'vex' };
    const verdict = await s.verdict({ ...alone, policy, 'trusted-root': sigstore.trustedRoot, ...inputs });
    const [{ state, code } = { state: 'none', code: undefined }] = verdict.vex;
    return { verdict: verdict.verdict, state, ...(code === undefined ? {} : { code }) };
  }

  test.each([
    ['OpenVEX', openvex],
    ['CSAF', csaf],
    ['CycloneDX', cyclonedx],
  ])('%s that the workflow of the policy signed counts; one byte more, and it does not', async (_format, document) => {
    const text = JSON.stringify(document);
    await s.write('vex/v.json', text);
    await s.write('vex/v.json.sigstore.json', await sign(text));
    expect(await judged([workflow()])).toEqual({ verdict: 'pass', state: 'used' });
    await s.write('vex/v.json', `${text}\n`);
    expect(await judged([workflow()])).toEqual({
      verdict: 'fail',
      state: 'signature-refused',
      code: 'SUBJECT_MISMATCH',
    });
  });

  test('a statement over the file counts as well, of whatever else the same workflow signed nothing', async () => {
    const text = JSON.stringify(openvex);
    await s.write('vex/v.json', text);
    await s.write(
      'vex/v.json.sigstore.json',
      await sign({ statement: statement(PREDICATE_TYPES.signature, {}, sha256(text)) }),
    );
    expect(await judged([workflow()])).toEqual({ verdict: 'pass', state: 'used' });
    await s.write(
      'vex/v.json.sigstore.json',
      await sign({ statement: statement(PREDICATE_TYPES.provenance, {}, sha256(text)) }),
    );
    expect(await judged([workflow()])).toMatchObject({ verdict: 'fail', code: 'PREDICATE_TYPE_MISMATCH' });
  });

  test('a bundle with the statements in it counts for the released artifact, and for no other', async () => {
    await s.write('vex/v.json', await sign({ statement: statement(OPENVEX, openvex) }));
    expect(await judged([workflow()])).toEqual({ verdict: 'pass', state: 'used' });
    await s.write('vex/v.json', await sign({ statement: statement(OPENVEX, openvex, sha256('other')) }));
    expect(await judged([workflow()])).toMatchObject({ verdict: 'fail', code: 'SUBJECT_MISMATCH' });
    const altered = JSON.parse(await sign({ statement: statement(OPENVEX, openvex) }));
    const payload = Buffer.from(altered.dsseEnvelope.payload, 'base64').toString('utf8');
    altered.dsseEnvelope.payload = Buffer.from(payload.replace('CVE-2024-0001', 'CVE-2024-0002')).toString('base64');
    await s.write('vex/v.json', JSON.stringify(altered));
    expect(await judged([workflow()])).toMatchObject({ verdict: 'fail', code: 'SIGNATURE_INVALID' });
    await s.write('vex/v.json', await sign({ statement: statement(PREDICATE_TYPES.verdict, openvex) }));
    await expect(judged([workflow()])).rejects.toMatchObject({ code: 'VEX_BUNDLE_INVALID' });
  });

  test('a key of the policy', async () => {
    const text = JSON.stringify(openvex);
    const pem = String(key.publicKey.export({ type: 'spki', format: 'pem' }));
    await s.write('vex/v.json', text);
    await s.write('vex/v.json.sigstore.json', await signWithKey(text));
    expect(await judged([workflow(), { 'public-key': pem }])).toEqual({ verdict: 'pass', state: 'used' });
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
    const stranger = String(other.export({ type: 'spki', format: 'pem' }));
    expect((await judged([{ 'public-key': stranger }])).verdict).toBe('fail');
    expect(await judged([workflow()])).toEqual({
      verdict: 'fail',
      state: 'signature-refused',
      code: 'CERTIFICATE_MISSING',
    });
  });

  test.each<[string, GitHubClaimsOptions, object, string]>([
    ['another commit of the workflow', { jobWorkflowSha: 'e'.repeat(40) }, {}, 'SIGNER_DIGEST_MISMATCH'],
    [
      'another workflow',
      { jobWorkflowRef: 'octo/security/.github/workflows/x.yml@refs/heads/main' },
      {},
      'WORKFLOW_MISMATCH',
    ],
    ['the same workflow, called from another repository', { repositoryId: '7' }, {}, 'REPOSITORY_MISMATCH'],
    ['another branch', {}, { 'source-ref': 'refs/heads/release' }, 'REF_MISMATCH'],
    ['another issuer', {}, { issuer: 'https://issuer.example' }, 'ISSUER_MISMATCH'],
  ])('%s: does not count, and the verdict says why', async (_what, claims, more, code) => {
    const text = JSON.stringify(openvex);
    await s.write('vex/v.json', text);
    await s.write('vex/v.json.sigstore.json', await sign(text, claims));
    expect(await judged([{ ...workflow(), ...more }])).toEqual({ verdict: 'fail', state: 'signature-refused', code });
  });

  test('without a signature, without a trusted root, with something else for a bundle', async () => {
    const text = JSON.stringify(openvex);
    await s.write('vex/v.json', text);
    expect(await judged([workflow()])).toEqual({ verdict: 'fail', state: 'not-signed', code: 'VEX_UNSIGNED' });
    expect(await judged([])).toEqual({ verdict: 'pass', state: 'used' });
    await s.write('vex/v.json.sigstore.json', await sign(text));
    expect(await judged([workflow()], { 'trusted-root': '' })).toMatchObject({ code: 'TRUSTED_ROOT_MISSING' });
    await s.write('vex/v.json.sigstore.json', '{}');
    expect(await judged([workflow()])).toMatchObject({ verdict: 'fail', code: 'BUNDLE_MALFORMED' });
    expect(s.kit.summary()).toContain('signature-refused &#40;BUNDLE&#95;MALFORMED&#41;');
  });
});
