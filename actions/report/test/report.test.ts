import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildVerdict, DEFAULT_POLICY, decide, type RawFinding } from '@paved/gate';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type GitHubService, type Issuer, type JobPermissions, startGitHub, startIssuer } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const AT = '2025-09-02T00:00:00Z';
const WRITE: JobPermissions = { contents: 'read', 'pull-requests': 'write', 'security-events': 'write' };

const raw: RawFinding = {
  source: { name: 'osv', id: 'CVE-2025-0001', severity: 'critical', version: '2.1.2' },
  ids: ['CVE-2025-0001'],
  kind: 'vulnerability',
  purl: 'pkg:npm/ms@2.1.2',
  ecosystem: 'npm',
  name: 'ms',
  version: '2.1.2',
  fixedIn: ['2.1.3'],
  title: 'Hello @mona ![x](https://evil.example/x.png)',
  direct: true,
  scope: 'runtime',
};

/** A verdict as the gate itself writes it. */
function verdictText(findings: readonly RawFinding[]): string {
  const decision = decide({ findings, unchecked: [], policy: DEFAULT_POLICY, branchProtected: true, asOf: AT });
  const verdict = buildVerdict(decision, {
    files: [],
    components: 3,
    policy: { source: 'default' },
    databases: [],
    documents: [],
    branchProtected: true,
    asOf: AT,
    at: AT,
  });
  return JSON.stringify(verdict);
}

describe('report', () => {
  let folder: string;
  let issuer: Issuer;
  let github: GitHubService;
  let kit: TestContext;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-report-'));
    issuer = await startIssuer();
    github = await startGitHub({ issuer });
  });
  afterEach(async () => {
    await kit.dispose();
    await github.close();
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  });

  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args], {
      encoding: 'utf8',
    }).trim();

  async function prepare(permissions: JobPermissions = WRITE): Promise<{ token: string; sha: string }> {
    git('init', '-q', '-b', 'main');
    await writeFile(join(folder, 'package.json'), '{\n  "dependencies": {\n    "ms": "2.1.2"\n  }\n}\n');
    git('add', '.');
    git('commit', '-q', '-m', 'x');
    const sha = git('rev-parse', 'HEAD');
    github.addRepository({ owner: 'octo', name: 'app', id: '1001', ownerId: '2002', path: folder });
    const ref = 'refs/pull/7/merge';
    const started = github.createRun({
      repository: 'octo/app',
      sha,
      ref,
      event: 'pull_request',
      workflowPath: '.github/workflows/pr.yml',
    });
    const job = github.startJob({ runId: started.id, name: 'report', permissions, claims: {} });
    kit = await testContext({ action: 'report', facts: { apiUrl: github.url, sha, ref } });
    return { token: job.githubToken, sha };
  }

  const start = async (token: string, text: string, texts: Record<string, string> = {}) => {
    await writeFile(join(kit.workspace, 'verdict.json'), text);
    const all = { 'verdict-path': 'verdict.json', 'github-token': token, ...texts };
    return await run(await kit.inputs(definition, all), kit.context);
  };

  test('uploads SARIF on the line that brings the package, and writes one comment', async () => {
    const { token, sha } = await prepare();
    const outputs = await start(token, verdictText([raw]));
    expect(outputs.posted).toBe('sarif,comment');
    const [sarif] = github.results.sarifs;
    expect(sarif).toMatchObject({ commitSha: sha, ref: 'refs/pull/7/merge' });
    expect(sarif?.text).toContain('"uri":"package.json"');
    expect(sarif?.text).toContain('"startLine":3');
    const [comment] = github.results.comments;
    expect(comment).toMatchObject({ issue: 7 });
    expect(comment?.body).toContain('Gate blocked');
    expect(comment?.body).not.toMatch(/@mona|evil\.example\/x\.png\)/);
    expect(JSON.parse(await readFile(outputs['predicates-path'] ?? '', 'utf8'))).toMatchObject([{ scanner: 'osv' }]);
    expect(kit.masked).toContain(token);
  });

  test('writes what others send or sign, on request', async () => {
    const { token } = await prepare();
    const outputs = await start(token, verdictText([raw]), {
      'jira-project': 'SEC',
      'cosign-vuln': 'true',
      sarif: 'false',
      comment: 'false',
    });
    expect(outputs.posted).toBe('');
    const read = async (name: keyof typeof outputs) =>
      JSON.parse(await readFile(outputs[name] ?? '', 'utf8')) as unknown;
    expect(await read('slack-path')).toMatchObject({ text: '1 findings in octo/app' });
    expect(await read('issues-path')).toMatchObject([{ title: 'CVE-2025-0001 in ms 2.1.2' }]);
    expect(await read('jira-path')).toMatchObject([{ fields: { project: { key: 'SEC' } } }]);
    expect(await read('cosign-path')).toMatchObject([
      { scanner: 'osv', predicate: { invocation: { event_id: '3003' } } },
    ]);
    expect(github.results.comments).toEqual([]);
    expect((await start(token, verdictText([raw])))['jira-path']).toBeUndefined();
  });

  test('replaces its own comment, and leaves one that somebody else marked alone', async () => {
    const { token } = await prepare();
    await start(token, verdictText([raw]));
    const [own] = github.results.comments;
    const forged = { id: 1, issue: 7, user: { login: 'mona', type: 'User' }, body: own?.body ?? '' };
    github.results.comments.unshift(forged);
    const before = forged.body;
    await start(token, verdictText([]));
    expect(forged.body).toBe(before);
    expect(github.results.comments).toHaveLength(2);
    expect(own?.body).toContain('Gate passed');
  });

  test('says nothing where there is nothing to say', async () => {
    const { token } = await prepare();
    const outputs = await start(token, verdictText([]));
    expect(outputs.posted).toBe('sarif');
    expect(github.results.comments).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['an empty verdict', '', 'VERDICT_MALFORMED'],
    ['another document', '{}', 'VERDICT_MALFORMED'],
    [
      'a verdict that was changed',
      verdictText([raw]).replace('"verdict":"fail"', '"verdict":"pass"'),
      'VERDICT_MALFORMED',
    ],
  ])('refuses %s before it tells anybody', async (_what, text, code) => {
    const { token } = await prepare();
    await expect(start(token, text)).rejects.toMatchObject({ code });
    expect(github.requests).toEqual([]);
  });

  test.each<[string, JobPermissions]>([
    ['security-events', { contents: 'read', 'pull-requests': 'write' }],
    ['pull-requests', { contents: 'read', 'security-events': 'write' }],
  ])('is red without %s: write', async (_what, permissions) => {
    const { token } = await prepare(permissions);
    await expect(start(token, verdictText([raw]))).rejects.toMatchObject({ code: 'REPORT_REFUSED' });
  });
});
