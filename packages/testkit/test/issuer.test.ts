import { describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose';
import { githubClaims, type Issuer, startIssuer } from '../src/index.js';

async function withIssuer(body: (issuer: Issuer) => Promise<void>): Promise<void> {
  const issuer = await startIssuer();
  try {
    await body(issuer);
  } finally {
    await issuer.close();
  }
}

describe('startIssuer', () => {
  test('signs tokens that its published keys verify', async () => {
    await withIssuer(async (issuer) => {
      const discovery = (await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json()) as {
        issuer: string;
        jwks_uri: string;
      };
      expect(discovery.issuer).toBe(issuer.url);
      const token = await issuer.sign(githubClaims({ repository: 'acme/widget' }), { audience: 'sigstore' });
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
        issuer: issuer.url,
        audience: 'sigstore',
        algorithms: ['RS256'],
      });
      expect(payload.sub).toBe('repo:acme/widget:ref:refs/heads/main');
      expect(payload.job_workflow_ref).toBe('acme/widget/.github/workflows/release.yml@refs/heads/main');
    });
  });

  test('another issuer does not verify the token, nor another audience, nor a later time', async () => {
    await withIssuer(async (issuer) => {
      await withIssuer(async (other) => {
        const token = await issuer.sign(githubClaims(), { audience: 'sigstore' });
        const expired = await issuer.sign(githubClaims(), { audience: 'sigstore', lifetimeSeconds: -60 });
        const keys = createLocalJWKSet({ keys: [...issuer.jwks.keys] });
        await expect(jwtVerify(token, createLocalJWKSet({ keys: [...other.jwks.keys] }))).rejects.toThrow();
        await expect(jwtVerify(token, keys, { audience: 'elsewhere' })).rejects.toThrow('aud');
        await expect(jwtVerify(expired, keys)).rejects.toThrow('exp');
        await expect(jwtVerify(token, keys)).resolves.toBeDefined();
      });
    });
  });

  test('claims cannot override the issuer', async () => {
    await withIssuer(async (issuer) => {
      const token = await issuer.sign({ iss: 'https://evil.example', aud: 'x' }, { audience: 'sigstore' });
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...issuer.jwks.keys] }));
      expect([payload.iss, payload.aud]).toEqual([issuer.url, 'sigstore']);
    });
  });
});

describe('githubClaims', () => {
  test.each([
    [{ event: 'pull_request' }, 'repo:acme/widget:pull_request'],
    [{ environment: 'prod:eu' }, 'repo:acme/widget:environment:prod%3Aeu'],
    [{ ref: 'refs/tags/v1.2.3' }, 'repo:acme/widget:ref:refs/tags/v1.2.3'],
  ] as const)('%j has subject %s', (options, subject) => {
    expect(githubClaims(options).sub).toBe(subject);
  });

  test('a reusable workflow differs from the workflow that the event started', () => {
    const claims = githubClaims({
      jobWorkflowRef: 'org/paved/.github/workflows/r.yml@refs/tags/v1',
      jobWorkflowSha: 'f'.repeat(40),
    });
    expect(claims.job_workflow_ref).toBe('org/paved/.github/workflows/r.yml@refs/tags/v1');
    expect(claims.workflow_ref).toBe('acme/widget/.github/workflows/release.yml@refs/heads/main');
    expect(claims.workflow_sha).not.toBe(claims.job_workflow_sha);
  });
});
