import { afterEach, expect, test } from '@jest/globals';
import { githubClaims } from '../src/issuer/github-claims.js';
import { startIssuer } from '../src/issuer/start-issuer.js';
import { startRegistry } from '../src/registry/index.js';
import { startTokenService } from '../src/token-service/token-service.js';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start() {
  const issuer = await startIssuer();
  const service = await startTokenService({ issuer: issuer.url, audience: 'registry.test' });
  const registry = await startRegistry({ auth: 'bearer', tokenService: service });
  closing.push(issuer.close, service.close, registry.close);
  return { issuer, service, registry };
}

function exchange(tokenUrl: string, subjectToken: string): Promise<Response> {
  return fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    }),
  });
}

test('a job token buys an access token that the registry takes until it is revoked', async () => {
  const { issuer, service, registry } = await start();
  const answer = await exchange(service.tokenUrl, await issuer.sign(githubClaims(), { audience: 'registry.test' }));
  const body = (await answer.json()) as { access_token: string; token_type: string; expires_in: number };
  expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
  const ping = () => fetch(`${registry.url}/v2/`, { headers: { authorization: `Bearer ${body.access_token}` } });
  expect((await ping()).status).toBe(200);
  await fetch(service.revocationUrl, { method: 'POST', body: new URLSearchParams({ token: body.access_token }) });
  expect((await ping()).status).toBe(401);
});

test('a used token, another audience, an expired token and another issuer are refused', async () => {
  const { issuer, service } = await start();
  const other = await startIssuer();
  closing.push(other.close);
  const good = await issuer.sign(githubClaims(), { audience: 'registry.test' });
  expect((await exchange(service.tokenUrl, good)).status).toBe(200);
  const refused = [
    good,
    await issuer.sign(githubClaims(), { audience: 'sigstore' }),
    await issuer.sign(githubClaims(), { audience: 'registry.test', lifetimeSeconds: -10 }),
    await other.sign(githubClaims(), { audience: 'registry.test' }),
  ];
  for (const token of refused) expect((await exchange(service.tokenUrl, token)).status).toBe(400);
});
