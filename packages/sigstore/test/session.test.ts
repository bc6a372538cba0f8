import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { array, object, parseJson, string, unknown } from '@paved/json';
import { openSigningSession, parseTrustedRoot, verifyBundle } from '../src/index.js';
import { CLAIMS, type Loopback, startLoopbackSigstore } from './loopback.js';

let loopback: Loopback;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
});
afterAll(async () => {
  await loopback.close();
});

const ARTIFACT = Buffer.from('the artifact');
const DIGEST = sha256(ARTIFACT);

function statement(predicate: unknown = { ok: true }): Buffer {
  const subjects = [{ name: 'widget.tar', digest: { sha256: DIGEST.slice('sha256:'.length) } }];
  return encodeStatement(buildStatement({ predicateType: 'https://slsa.dev/provenance/v1', subjects, predicate }));
}

describe('openSigningSession', () => {
  test('signs statements and blobs with one token and one certificate, and our verification accepts them', async () => {
    const before = loopback.sigstore.requests.length;
    const session = await loopback.open();
    const [blob, ...statements] = await Promise.all([
      session.signBlob(ARTIFACT),
      ...Array.from({ length: 9 }, (_, index) => session.signStatement(statement({ index }))),
    ]);
    session.close();
    const root = parseTrustedRoot(loopback.sigstore.trustedRoot);
    const common = { trustedRoot: root, artifactDigest: DIGEST, policy: loopback.policy };
    const verified = verifyBundle({ ...common, bundle: blob.json, artifactBytes: ARTIFACT });
    expect(verified.content).toBe('message');
    expect(verified.identity.sourceRepositoryUri).toBe('https://github.com/acme/widget');
    for (const { json } of statements) {
      const result = verifyBundle({ ...common, bundle: json, predicateType: 'https://slsa.dev/provenance/v1' });
      expect(result.transparency).toBe('logged');
      expect(result.subjects).toEqual([{ name: 'widget.tar', digest: { sha256: DIGEST.slice(7) } }]);
    }
    const services = loopback.sigstore.requests.slice(before).map(({ service }) => service);
    expect(services.filter((service) => service === 'fulcio')).toHaveLength(1);
    expect(services.filter((service) => service === 'rekor')).toHaveLength(10);
    expect(services.filter((service) => service === 'tsa')).toHaveLength(10);
  });

  test('both kinds are bundles of version 0.3 with one certificate', async () => {
    const session = await loopback.open();
    const shape = object({
      mediaType: string,
      verificationMaterial: object({ certificate: object({ rawBytes: string }) }),
    });
    for (const signed of [await session.signBlob(ARTIFACT), await session.signStatement(statement())]) {
      expect(parseJson('the bundle', signed.json, shape).mediaType).toBe(
        'application/vnd.dev.sigstore.bundle.v0.3+json',
      );
    }
  });

  test('Rekor gets hashedrekord for a statement too, never the payload', async () => {
    const session = await loopback.open();
    await session.signStatement(statement({ secret: 'only the digest is logged' }));
    const request = loopback.sigstore.requests.findLast(({ service }) => service === 'rekor');
    const body = parseJson('the request', request?.body ?? '', object({ hashedRekordRequestV002: unknown }));
    expect(Object.keys(body)).toEqual(['hashedRekordRequestV002']);
    expect(request?.body.length).toBeLessThan(10_000);
  });

  test('a DSSE entry is what Rekor v2 refuses', async () => {
    const response = await fetch(`${loopback.sigstore.rekorUrl}/api/v2/log/entries`, {
      method: 'POST',
      body: JSON.stringify({ dsseRequestV002: { envelope: {} } }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('invalid type, must be hashedrekord');
  });

  test('without a log: the bundle says so, and verifies only where that is allowed', async () => {
    const session = await loopback.open({ transparency: 'off' });
    const signed = await session.signStatement(statement());
    expect(signed.transparency).toBe('timestamp-only');
    const root = parseTrustedRoot(loopback.sigstore.trustedRoot);
    const options = { bundle: signed.json, trustedRoot: root, artifactDigest: DIGEST, policy: loopback.policy };
    expect(verifyBundle({ ...options, transparency: 'off' }).transparency).toBe('timestamp-only');
    expect(() => verifyBundle(options)).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISSING' }));
  });

  test('a closed session signs nothing', async () => {
    const session = await loopback.open();
    session.close();
    await expect(session.signBlob(ARTIFACT)).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });

  test('a log that is required must be named', async () => {
    const { fulcioUrl, tsaUrl } = loopback.sigstore;
    const idToken = async () => 'never asked for';
    const session = openSigningSession({
      fulcioUrl,
      tsaUrl,
      idToken,
      transparency: 'required',
      http: new HttpClient(),
    });
    await expect(session).rejects.toMatchObject({ code: 'SESSION_INVALID' });
  });
});

describe('the identity before the signature', () => {
  test.each([
    ['repository_id', 'sourceRepositoryId'],
    ['repository_owner_id', 'sourceRepositoryOwnerId'],
    ['job_workflow_sha', 'buildSignerDigest'],
    ['job_workflow_ref', 'subjectAlternativeName, buildSignerUri'],
    ['sha', 'sourceRepositoryDigest'],
    ['ref', 'sourceRepositoryRef'],
    ['runner_environment', 'runnerEnvironment'],
    ['run_id', 'runInvocationUri'],
    ['event_name', 'buildTrigger'],
    ['iss', 'issuer'],
    ['sub', 'tokenSubject'],
    ['repository_visibility', 'sourceRepositoryVisibility'],
  ])('an authority that certifies another %s signs nothing', async (claim, fields) => {
    loopback.sigstore.certifiedClaims[claim] = 'another';
    const before = loopback.sigstore.requests.filter(({ service }) => service !== 'fulcio').length;
    try {
      await expect(loopback.open()).rejects.toMatchObject({
        code: 'CERTIFICATE_CLAIMS_MISMATCH',
        message: expect.stringContaining(`in ${fields}`),
      });
    } finally {
      delete loopback.sigstore.certifiedClaims[claim];
    }
    expect(loopback.sigstore.requests.filter(({ service }) => service !== 'fulcio')).toHaveLength(before);
  });

  test('a certificate for another key is refused', async () => {
    const { certificate } = await loopback.open();
    const answer = { signedCertificateEmbeddedSct: { chain: { certificates: [certificate.pem] } } };
    loopback.sigstore.faults.fulcio = { status: 200, body: () => JSON.stringify(answer) };
    const opened = loopback.open().finally(() => {
      delete loopback.sigstore.faults.fulcio;
    });
    await expect(opened).rejects.toMatchObject({ code: 'CERTIFICATE_KEY_MISMATCH' });
  });

  test('own checks of the claims run before the token leaves', async () => {
    const before = loopback.sigstore.requests.length;
    const refusal = loopback.open({
      assertClaims: ({ all }) => {
        throw new RangeError(`no ${all.repository}`);
      },
    });
    await expect(refusal).rejects.toThrow('no acme/widget');
    expect(loopback.sigstore.requests).toHaveLength(before);
  });

  test.each([
    ['another audience', 'ID_TOKEN_AUDIENCE', () => loopback.issuer.sign({ sub: 'x' }, { audience: 'registry' })],
    ['no token', 'ID_TOKEN_MALFORMED', async () => 'not-a-token'],
    ['not JSON', 'ID_TOKEN_MALFORMED', async () => 'aaaa.bbbb.cccc'],
  ])('%s never reaches the authority', async (_name, code, idToken) => {
    const before = loopback.sigstore.requests.length;
    await expect(loopback.open({ idToken })).rejects.toMatchObject({ code });
    expect(loopback.sigstore.requests).toHaveLength(before);
  });

  test('an expired token is refused by the authority', async () => {
    const idToken = () =>
      loopback.issuer.sign(
        { sub: 'x', job_workflow_ref: 'y', repository: 'z' },
        { audience: 'sigstore', lifetimeSeconds: -5 },
      );
    await expect(loopback.open({ idToken })).rejects.toMatchObject({ code: 'FULCIO_REFUSED' });
  });

  test('claims that are missing are a mismatch, never equal', async () => {
    const claims = { ...CLAIMS, jobWorkflowSha: '' };
    await expect(loopback.open({}, claims)).rejects.toMatchObject({ code: 'CERTIFICATE_CLAIMS_MISMATCH' });
  });
});

test('requests carry the token to the authority alone', async () => {
  const session = await loopback.open();
  await session.signBlob(ARTIFACT);
  const tokens = array(string)([...loopback.tokens]);
  expect(tokens.length).toBeGreaterThan(0);
  for (const token of tokens) {
    const signature = token.slice(token.lastIndexOf('.') + 1);
    const seen = loopback.sigstore.requests.filter((request) => JSON.stringify(request).includes(signature));
    expect(new Set(seen.map(({ service }) => service)).has('rekor')).toBe(false);
    expect(new Set(seen.map(({ service }) => service)).has('tsa')).toBe(false);
    expect(seen.every(({ path }) => path === '/api/v2/signingCert')).toBe(true);
  }
});
