import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type GitHubService, type Issuer, startGitHub, startIssuer } from '@paved/testkit';
import { fetched, type Scenario, scenario } from './scenario.js';

const LAX = 'version: 1\nthresholds:\n  unknown: backlog\n';

describe('the policy of the repository', () => {
  let folder: string;
  let issuer: Issuer;
  let github: GitHubService;
  let s: Scenario;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-policy-'));
    issuer = await startIssuer();
    github = await startGitHub({ issuer });
  });
  afterEach(async () => {
    await s.kit.dispose();
    await github.close();
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  });

  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args], {
      encoding: 'utf8',
    }).trim();

  async function start(policy: string | undefined, protectedBranches: readonly string[] = ['main']): Promise<string> {
    git('init', '-q', '-b', 'main');
    await mkdir(join(folder, '.paved'));
    await writeFile(join(folder, policy === undefined ? 'README.md' : '.paved/policy.yml'), policy ?? 'x');
    git('add', '.');
    git('commit', '-q', '-m', 'x');
    github.addRepository({ owner: 'octo', name: 'app', id: '1001', ownerId: '2002', path: folder, protectedBranches });
    const sha = git('rev-parse', 'HEAD');
    const run = github.createRun({
      repository: 'octo/app',
      sha,
      ref: 'refs/heads/main',
      event: 'push',
      workflowPath: '.github/workflows/release.yml',
    });
    const job = github.startJob({ runId: run.id, name: 'seal', permissions: { contents: 'read' }, claims: {} });
    s = await scenario({ facts: { apiUrl: github.url } });
    await s.sboms([fetched('Go', 'github.com/gogo/protobuf', 'v1.3.1')]);
    token = job.githubToken;
    return sha;
  }
  let token = '';
  const texts = () => ({ 'policy-from-repository': 'true', 'github-token': token });

  test('is read from the protected default branch and recorded', async () => {
    const sha = await start(`${LAX}exceptions-max-days: 30\n`);
    const verdict = await s.verdict({ ...texts(), 'policy-floor': '{"thresholds":{"unknown":"warn"}}' });
    expect(verdict).toMatchObject({
      verdict: 'pass',
      policy: { source: 'repository', path: '.paved/policy.yml', commit: sha },
    });
    expect(verdict.policy.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(verdict.findings[0]).toMatchObject({ rule: 'unknown', action: 'warn' });
    expect(s.kit.masked).toContain(token);
  });

  test('cannot be laxer than the default where nobody fixed a floor', async () => {
    await start(LAX);
    expect((await s.verdict(texts())).verdict).toBe('fail');
  });

  test('is the default when there is none', async () => {
    const sha = await start(undefined);
    expect(await s.verdict(texts())).toMatchObject({ verdict: 'fail', policy: { source: 'default', commit: sha } });
  });

  test('is not taken from a branch that is not protected', async () => {
    await start(LAX, []);
    await expect(s.verdict(texts())).rejects.toMatchObject({ code: 'POLICY_BRANCH_UNPROTECTED' });
  });

  test.each<[string, Record<string, string>, string]>([
    ['without a token', { 'github-token': '' }, 'INPUT_INVALID'],
    ['with a token of nobody', { 'github-token': 'ghs_nobody' }, 'HTTP_STATUS'],
  ])('cannot be read %s', async (_what, change, code) => {
    await start(LAX);
    await expect(s.verdict({ ...texts(), ...change })).rejects.toMatchObject({ code });
  });

  test('a policy that is broken is an error, not the default', async () => {
    await start('version: 1\nthreshold: {}\n');
    await expect(s.verdict(texts())).rejects.toMatchObject({ code: 'POLICY_INVALID' });
  });
});

test('mode table writes what happens to a finding, for SECURITY.md', async () => {
  const s = await scenario();
  try {
    const policy = JSON.stringify({ thresholds: { medium: 'warn' }, sla: { medium: '30d' } });
    const floor = JSON.stringify({ thresholds: { low: 'block' } });
    const { 'thresholds-path': path = '' } = await s.run({ mode: 'table', policy, 'policy-floor': floor });
    const table = await readFile(path, 'utf8');
    expect(table).toContain('| medium | warns | warns | 30 days |');
    expect(table).toContain('| low | blocks | blocks |');
    expect(table).toContain('| secret, whatever its severity | blocks | blocks |');
    await expect(s.run({ mode: 'table', policy: '{"thresholds":{"medium":"maybe"}}' })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
    });
  } finally {
    await s.kit.dispose();
  }
});
