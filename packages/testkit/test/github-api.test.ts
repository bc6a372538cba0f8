import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type GitHubService,
  type Issuer,
  type JobCredentials,
  type JobPermissions,
  startGitHub,
  startIssuer,
} from '@paved/testkit';
import { decodeJwt } from 'jose';

const READ = { contents: 'read', actions: 'read' } as const;
let issuer: Issuer;
let github: GitHubService;
let folder: string;
let runId: number;

function startJob(permissions: JobPermissions): JobCredentials {
  return github.startJob({
    runId,
    name: 'release / build',
    permissions,
    claims: { sub: 'repo:acme/widget', sha: 'x' },
  });
}

async function get(
  path: string,
  token: string,
  accept = 'application/json',
): Promise<{ status: number; body: string }> {
  const response = await fetch(new URL(path, github.url), { headers: { authorization: `Bearer ${token}`, accept } });
  return { status: response.status, body: await response.text() };
}

async function getJson(path: string, token: string): Promise<unknown> {
  return JSON.parse((await get(path, token)).body);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-github-'));
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
  git('init', '--quiet', '--initial-branch=main');
  await writeFile(join(folder, 'CODEOWNERS'), '* @acme/owners\n');
  git('add', '.');
  git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '-m', 'first');
  issuer = await startIssuer();
  github = await startGitHub({ issuer });
  github.addRepository({ owner: 'acme', name: 'widget', id: '900100', ownerId: '800200', path: folder });
  github.addRepository({ owner: 'acme', name: 'secret', id: '900101', ownerId: '800200', visibility: 'private' });
  const ref = { ref: 'refs/heads/main', event: 'push', workflowPath: '.github/workflows/release.yml' };
  runId = github.createRun({ repository: 'acme/widget', sha: git('rev-parse', 'HEAD').trim(), ...ref }).id;
});

afterAll(async () => {
  await github.close();
  await issuer.close();
  await rm(folder, { recursive: true });
});

describe('the REST API', () => {
  test('answers repository, branch and contents', async () => {
    const { githubToken } = startJob(READ);
    expect(await getJson('/repos/acme/widget', githubToken)).toMatchObject({
      id: 900100,
      owner: { id: 800200 },
      default_branch: 'main',
    });
    expect(await getJson('/repos/acme/widget/branches/main', githubToken)).toMatchObject({ protected: true });
    const file = await getJson('/repos/acme/widget/contents/CODEOWNERS?ref=main', githubToken);
    expect(file).toMatchObject({ type: 'file', encoding: 'base64', content: 'KiBAYWNtZS9vd25lcnMK' });
    const raw = await get('/repos/acme/widget/contents/CODEOWNERS', githubToken, 'application/vnd.github.raw+json');
    expect(raw.body).toBe('* @acme/owners\n');
    expect((await get('/repos/acme/widget/contents/absent', githubToken)).status).toBe(404);
    expect((await get('/repos/acme/widget/branches/absent', githubToken)).status).toBe(404);
  });

  test('lists the jobs of a run with where they ran', async () => {
    const { githubToken, jobId } = startJob(READ);
    const list = await getJson(`/repos/acme/widget/actions/runs/${runId}/attempts/1/jobs?per_page=100`, githubToken);
    expect(list).toMatchObject({
      jobs: expect.arrayContaining([
        expect.objectContaining({ id: jobId, runner_group_name: 'GitHub Actions', status: 'in_progress' }),
      ]),
    });
    expect((await get(`/repos/acme/widget/actions/runs/${runId}/attempts/2/jobs`, githubToken)).status).toBe(404);
  });

  test.each([
    ['no token', '', READ, '/repos/acme/widget', 401],
    ['an unknown token', 'ghs_unknown', READ, '/repos/acme/widget', 401],
    ['a token without contents', undefined, { actions: 'read' }, '/repos/acme/widget/contents/CODEOWNERS', 403],
    ['a private repository of others', undefined, READ, '/repos/acme/secret', 404],
    ['a path that leaves git', undefined, READ, '/repos/acme/widget/contents/x?ref=--output=/tmp/x', 404],
  ] as const)('refuses %s', async (_name, token, permissions, path, status) => {
    const shown = token ?? startJob(permissions).githubToken;
    expect((await get(path, shown)).status).toBe(status);
  });

  test('refuses the token of a finished job', async () => {
    const { githubToken, jobId } = startJob(READ);
    expect((await get('/repos/acme/widget', githubToken)).status).toBe(200);
    github.finishJob(jobId, 'success');
    expect((await get('/repos/acme/widget', githubToken)).status).toBe(401);
  });
});

describe('the OIDC token endpoint', () => {
  test('gives a token with the claims of its job', async () => {
    const { idToken, jobId } = startJob({ 'id-token': 'write' });
    const reply = await get(`${idToken?.url}&audience=sigstore`, idToken?.token ?? '');
    const claims = decodeJwt((JSON.parse(reply.body) as { value: string }).value);
    expect(claims).toMatchObject({ aud: 'sigstore', iss: issuer.url, sha: 'x', check_run_id: String(jobId) });
  });

  test('is not offered to a job without id-token: write, and refuses it by value', async () => {
    const plain = startJob(READ);
    expect(plain.idToken).toBeUndefined();
    expect((await get(`/_oidc/token?job=${plain.jobId}`, plain.runtimeToken)).status).toBe(403);
  });

  test('refuses the token of another job', async () => {
    const [mine, other] = [startJob({ 'id-token': 'write' }), startJob({ 'id-token': 'write' })];
    expect((await get(`${mine.idToken?.url}&audience=a`, other.idToken?.token ?? '')).status).toBe(401);
  });
});
