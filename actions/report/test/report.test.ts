import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildVerdict, DEFAULT_POLICY, decide, type RawFinding } from '@paved/gate';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import {
  type GitHubService,
  type Issuer,
  type JobPermissions,
  type Loopback,
  startGitHub,
  startIssuer,
  startLoopback,
} from '@paved/testkit';
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

const OTHERS = [
  { login: 'mona', type: 'User' },
  { login: 'other-app[bot]', type: 'Bot' },
];

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

  async function prepare(
    permissions: JobPermissions = WRITE,
    files: Readonly<Record<string, string>> = {},
  ): Promise<{ token: string; sha: string }> {
    git('init', '-q', '-b', 'main');
    await writeFile(join(folder, 'package.json'), '{\n  "dependencies": {\n    "ms": "2.1.2"\n  }\n}\n');
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
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

  test('owners of catalog-info.yaml stand beside those of CODEOWNERS', async () => {
    const files = {
      'catalog-info.yaml':
        'kind: Component\nspec:\n  owner: group:default/payments\n---\nkind: API\nspec: { owner: web }\n',
      CODEOWNERS: '* @octo/everything\npackage.json @octo/web\n',
    };
    const { token } = await prepare(WRITE, files);
    const outputs = await start(token, verdictText([raw]), { 'jira-project': 'SEC', sarif: 'false', comment: 'false' });
    const [payload] = JSON.parse(await readFile(outputs['jira-path'] ?? '', 'utf8'));
    expect(payload.fields.description).toContain('Owners: @\u{200b}octo/web, payments, web');
  });

  test('a catalogue that is no YAML, or a bomb of it, names nobody', async () => {
    const { token } = await prepare(WRITE, {
      'catalog-info.yaml': 'a: &a [x]\nb: [*a, *a]\nkind: K\nspec: {owner: z}\n',
    });
    const outputs = await start(token, verdictText([raw]), { 'jira-project': 'SEC', sarif: 'false', comment: 'false' });
    const [payload] = JSON.parse(await readFile(outputs['jira-path'] ?? '', 'utf8'));
    expect(payload.fields.description).toContain('Owners: none');
  });

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

  test.each(OTHERS)('replaces its own comment, and leaves one that $login marked alone', async (user) => {
    const { token } = await prepare();
    await start(token, verdictText([raw]));
    const [own] = github.results.comments;
    const forged = { id: 1, issue: 7, user, body: own?.body ?? '' };
    github.results.comments.unshift(forged);
    const before = forged.body;
    await start(token, verdictText([]));
    expect(forged.body).toBe(before);
    expect(github.results.comments).toHaveLength(2);
    expect(own?.body).toContain('Gate passed');
  });

  test('comments of an App are ours with its token, and a token of another name is refused', async () => {
    const { token } = await prepare();
    await start(token, verdictText([raw]));
    const [own] = github.results.comments;
    Object.assign(own ?? {}, { user: { login: 'release-app[bot]', type: 'Bot' } });
    await start(token, verdictText([]), { author: 'release-app[bot]' });
    expect(own?.body).toContain('Gate passed');
    github.results.comments.splice(0);
    const posting = start(token, verdictText([raw]), { author: 'release-app[bot]' });
    await expect(posting).rejects.toMatchObject({ code: 'AUTHOR_MISMATCH' });
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

  describe('mode notify', () => {
    const ISSUES: JobPermissions = { contents: 'read', issues: 'write' };
    const CANARY = 'T000-B000-canary';
    let received: { path: string; body: unknown }[];
    let answers: number[];
    let hook: Loopback;

    beforeEach(async () => {
      received = [];
      answers = [];
      hook = await startLoopback({
        async handle(request, url) {
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(chunk as Buffer);
          received.push({ path: url.pathname, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
          return { status: answers.shift() ?? 200, body: 'ok', headers: { 'retry-after': '0' } };
        },
      });
    });
    afterEach(() => hook.close());

    const webhooks = () => ({
      mode: 'notify',
      'slack-webhook': `${hook.url}/services/${CANARY}`,
      'jira-webhook': `${hook.url}/jira/${CANARY}`,
      'jira-project': 'SEC',
      'notify-hosts': hook.host,
    });
    const told = () => JSON.stringify([kit.masked.filter((text) => !text.includes(CANARY)), kit.lines, kit.summary()]);

    test('tells Slack and Jira what is in their payloads, and keeps the address to itself', async () => {
      const { token } = await prepare(ISSUES);
      const outputs = await start(token, verdictText([raw]), webhooks());
      expect(outputs.notified).toBe('slack,jira');
      expect(received.map(({ path }) => path)).toEqual([`/services/${CANARY}`, `/jira/${CANARY}`]);
      expect(received[0]?.body).toMatchObject({ text: '1 findings in octo/app' });
      expect(received[1]?.body).toMatchObject({ fields: { project: { key: 'SEC' } } });
      expect(kit.masked.some((text) => text.includes(CANARY))).toBe(true);
      expect(told()).not.toContain(CANARY);
    });

    test('says nothing where there is nothing to say', async () => {
      const { token } = await prepare(ISSUES);
      await start(token, verdictText([]), webhooks());
      expect(received).toEqual([]);
    });

    test('tries again while the service is overloaded', async () => {
      const { token } = await prepare(ISSUES);
      answers = [503, 429, 200];
      expect((await start(token, verdictText([raw]), { ...webhooks(), 'jira-webhook': '' })).notified).toBe('slack');
      expect(received).toHaveLength(3);
    });

    test.each<[string, Record<string, string>, number[], string]>([
      ['a webhook that is gone', {}, [404, 404], 'WEBHOOK_FAILED'],
      ['a host that is not listed', { 'notify-hosts': 'hooks.slack.com' }, [], 'WEBHOOK_REFUSED'],
      ['no list of hosts', { 'notify-hosts': '' }, [], 'WEBHOOK_REFUSED'],
      [
        'an address without TLS',
        { 'slack-webhook': `http://hooks.slack.com/${CANARY}`, 'jira-webhook': '' },
        [],
        'WEBHOOK_REFUSED',
      ],
      [
        'an address with credentials',
        { 'slack-webhook': `https://a:${CANARY}@hooks.slack.com/`, 'jira-webhook': '' },
        [],
        'WEBHOOK_REFUSED',
      ],
      ['no address at all', { 'slack-webhook': CANARY, 'jira-webhook': '' }, [], 'WEBHOOK_REFUSED'],
    ])(
      '%s is a warning, or an error where it is required; neither has the address',
      async (_what, more, codes, code) => {
        const { token } = await prepare(ISSUES);
        answers = [...codes];
        const inputs = { ...webhooks(), ...more };
        expect((await start(token, verdictText([raw]), inputs)).notified).toBe('');
        expect(kit.lines.join('\n')).toContain(code);
        answers = [...codes];
        const failure = await start(token, verdictText([raw]), { ...inputs, notify: 'required' }).then(
          () => undefined,
          (error: Error & { code: string }) => error,
        );
        expect(failure?.code).toBe('NOTIFICATION_FAILED');
        expect(failure?.message).toContain(code);
        expect(`${failure?.message} ${String(failure?.cause ?? '')} ${told()}`).not.toContain(CANARY);
        if (code === 'WEBHOOK_REFUSED') expect(received).toEqual([]);
      },
    );

    test('one issue per finding, kept and never doubled', async () => {
      const { token } = await prepare(ISSUES);
      const inputs = { mode: 'notify', issues: 'true' };
      expect((await start(token, verdictText([raw]), inputs)).notified).toBe('issues');
      expect(github.results.issues).toMatchObject([
        { title: 'CVE-2025-0001 in ms 2.1.2', labels: ['paved-gate', 'security', 'severity:critical'], state: 'open' },
      ]);
      const [own] = github.results.issues;
      const before = own?.body;
      await start(token, verdictText([raw]), inputs);
      expect(github.results.issues).toHaveLength(1);
      expect(own?.body).toBe(before);
      await start(token, verdictText([{ ...raw, version: '2.1.1', fixedIn: ['2.2.0'] }]), inputs);
      expect(github.results.issues).toHaveLength(1);
      expect(own?.body).toContain('2.2.0');
      if (own !== undefined) own.state = 'closed';
      await start(token, verdictText([raw]), inputs);
      expect(github.results.issues).toHaveLength(2);
    });

    test.each(OTHERS)('an issue of $login with our marker is not ours: it is left alone', async (user) => {
      const { token } = await prepare(ISSUES);
      await start(token, verdictText([raw]), { mode: 'notify', issues: 'true' });
      const [own] = github.results.issues;
      Object.assign(own ?? {}, { user, body: `${own?.body ?? ''}forged` });
      await start(token, verdictText([raw]), { mode: 'notify', issues: 'true' });
      expect(github.results.issues).toHaveLength(2);
      expect(own?.body).toContain('forged');
    });

    test('issues of a token of another name than author are an error, and not doubled in silence', async () => {
      const { token } = await prepare(ISSUES);
      const inputs = { mode: 'notify', issues: 'true', author: 'release-app[bot]' };
      await expect(start(token, verdictText([raw]), inputs)).rejects.toMatchObject({ code: 'AUTHOR_MISMATCH' });
    });

    test('without issues: write it is a warning', async () => {
      const { token } = await prepare({ contents: 'read' });
      expect((await start(token, verdictText([raw]), { mode: 'notify', issues: 'true' })).notified).toBe('');
      expect(kit.lines.join('\n')).toContain('the service answered 403');
    });
  });

  describe('mode submit', () => {
    const snapshot = (sha: string) => ({
      version: 0,
      sha,
      ref: 'refs/pull/7/merge',
      job: { id: '1', correlator: 'c' },
      detector: { name: 'paved', version: '1', url: 'https://example.com' },
      scanned: AT,
      manifests: {},
      owner: 'somebody-else',
      baseUrl: 'https://evil.example',
    });
    const submit = async (token: string, document: unknown) => {
      await writeFile(join(kit.workspace, 'snapshot.json'), JSON.stringify(document));
      const texts = { mode: 'submit', 'snapshot-path': 'snapshot.json', 'github-token': token };
      return await run(await kit.inputs(definition, texts), kit.context);
    };

    test('sends the snapshot of this commit', async () => {
      const { token, sha } = await prepare({ contents: 'write' });
      expect((await submit(token, snapshot(sha)))['snapshot-id']).toMatch(/^\d+$/);
      const { owner: _owner, baseUrl: _baseUrl, ...rest } = snapshot(sha);
      expect(github.results.snapshots).toEqual([rest]);
    });

    test('refuses one of another commit, something else, and a job that may not write', async () => {
      const { token, sha } = await prepare({ contents: 'read' });
      await expect(submit(token, snapshot('f'.repeat(40)))).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' });
      await expect(submit(token, [])).rejects.toMatchObject({ code: 'JSON_UNEXPECTED' });
      await expect(submit(token, snapshot(sha))).rejects.toMatchObject({ code: 'REPORT_REFUSED' });
      expect(github.results.snapshots).toEqual([]);
    });

    test.each(['report', 'notify', 'submit'])('mode %s without its document is refused', async (mode) => {
      const { token } = await prepare();
      const inputs = await kit.inputs(definition, { mode, 'github-token': token });
      await expect(run(inputs, kit.context)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    });
  });
});
