import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sendHandover } from '@paved/handoff';
import { HttpClient } from '@paved/http';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { openSigningSession } from '@paved/sigstore';
import {
  githubClaims,
  type Issuer,
  type Loopback,
  readBody,
  type Sigstore,
  startIssuer,
  startLoopback,
  startSigstore,
  startTileLog,
  type TileLogDouble,
} from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const WORKFLOW = 'org/paved/.github/workflows/release-artifact.yml';
const RELEASED = 'c'.repeat(40);
const RUN = '/repos/octo/app/actions/runs/3003';

interface Issue {
  number: number;
  title: string;
  body: string;
  state: string;
  user: { login: string; type: string };
  labels: string[];
}

const AUTHOR = { login: 'github-actions[bot]', type: 'Bot' };
let issuer: Issuer;
let sigstore: Sigstore;
let log: TileLogDouble;
let api: Loopback;
let kit: TestContext;
let answers: Map<string, unknown>;
let issues: Issue[];

beforeAll(async () => {
  issuer = await startIssuer();
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  await sigstore.close();
  await issuer.close();
});

beforeEach(async () => {
  log = await startTileLog();
  answers = new Map();
  issues = [];
  api = await startLoopback({
    async handle(request, url) {
      const path = url.pathname;
      const json = (status: number, value: unknown) => ({
        status,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(value),
      });
      if (request.headers.authorization?.endsWith(' token-of-the-job') !== true) return json(401, {});
      if (path === '/repos/org/paved/issues' && request.method === 'GET') return json(200, issues);
      if (path === '/repos/org/paved/issues' && request.method === 'POST') {
        const body = JSON.parse((await readBody(request)).toString()) as Issue;
        issues.push({ ...body, number: issues.length + 1, state: 'open', user: AUTHOR });
        return json(201, issues.at(-1));
      }
      const answer = answers.get(path);
      if (answer instanceof Uint8Array) return { status: 200, body: answer };
      return answer === undefined ? json(404, { message: 'Not Found' }) : json(200, answer);
    },
  });
  kit = await testContext({
    action: 'watch',
    facts: { apiUrl: api.url, repository: 'org/paved', repositoryId: '77', runNumber: '1', runId: '5005' },
  });
  answers.set('/repos/org/paved/actions/runs/5005', { workflow_id: 9 });
  answers.set('/repos/org/paved/actions/workflows/9/runs', { workflow_runs: [] });
});
afterEach(async () => {
  await kit.dispose();
  await api.close();
  await log.close();
});

/** A certificate for a job of octo/app, and what the log keeps of a signature with it. */
async function sign(more: Record<string, string> = {}): Promise<Buffer> {
  const http = new HttpClient();
  const claims = {
    ...githubClaims({ repository: 'octo/app', jobWorkflowRef: `${WORKFLOW}@refs/tags/v1`, jobWorkflowSha: RELEASED }),
    run_id: '3003',
    run_attempt: '1',
    ...more,
  };
  const { fulcioUrl, rekorUrl, tsaUrl } = sigstore;
  const idToken = () => issuer.sign(claims, { audience: 'sigstore' });
  const session = await openSigningSession({ fulcioUrl, rekorUrl, tsaUrl, http, transparency: 'required', idToken });
  const { json } = await session.signBlob(Buffer.from('artifact'));
  session.close();
  http.close();
  const bundle = JSON.parse(json) as {
    verificationMaterial: { tlogEntries: { canonicalizedBody: string }[] };
  };
  return Buffer.from(bundle.verificationMaterial.tlogEntries[0]?.canonicalizedBody ?? '', 'base64');
}

function knowRun(more: object = {}, job: object = {}): void {
  const { repository_id: id, sha } = githubClaims({ repository: 'octo/app' });
  const hour = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString();
  answers.set(`${RUN}/attempts/1`, {
    head_sha: sha,
    path: '.github/workflows/release.yml',
    repository: { id: Number(id), full_name: 'octo/app' },
    referenced_workflows: [{ path: `${WORKFLOW}@refs/tags/v1`, sha: RELEASED }],
    ...more,
  });
  answers.set(`${RUN}/attempts/1/jobs`, { jobs: [{ started_at: hour(-1), completed_at: null, ...job }] });
}

const others = (count: number) => Array.from({ length: count }, (_, at) => Buffer.from(JSON.stringify({ at })));
const trust = (commits: readonly object[]) =>
  JSON.stringify({
    mediaType: 'application/vnd.paved.trust.v1+json',
    sequence: 3,
    updatedAt: '2026-01-01T00:00:00Z',
    identities: [{ issuer: issuer.url, workflowPath: `github.com/${WORKFLOW}` }],
    commits,
  });
const released = { commit: RELEASED, status: 'released', since: '2026-01-01T00:00:00Z' };

async function watch(texts: Record<string, string> = {}, commits: readonly object[] = [released]) {
  const root = JSON.parse(sigstore.trustedRoot) as object;
  const inputs = {
    'trusted-root': JSON.stringify({ ...root, tlogs: [log.trusted] }),
    trust: trust(commits),
    'github-token': 'token-of-the-job',
    ...texts,
  };
  return await run(await kit.inputs(definition, inputs), kit.context);
}
const read = async (path: string | undefined) =>
  JSON.parse(await readFile(path ?? '', 'utf8')) as {
    findings: { explained: boolean; reasons: string[]; logIndex: number }[];
    progress: { forged: number; from: number; next: number }[];
    logs: { next: number; checkpoint: string }[];
    alarms: { code: string }[];
  };
async function refusal(work: Promise<unknown>) {
  const error = (await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as { code: string; outputs: Record<string, string> };
  return error;
}

describe('an entry under our names', () => {
  test('is explained by its run', async () => {
    knowRun();
    log.entries.push(...others(3), await sign());
    const outputs = await watch({ start: '0' });
    expect((await read(outputs['findings-path'])).findings).toMatchObject([
      { explained: true, reasons: [], logIndex: 3 },
    ]);
    expect(issues).toEqual([]);
    expect(outputs.unexplained).toBe('0');
  });

  const FUTURE = new Date(Date.now() + 7_200_000).toISOString();
  test.each<readonly [string, () => void, readonly object[] | undefined, string]>([
    ['no run', () => undefined, undefined, 'does not exist'],
    [
      'another repository',
      () => knowRun({ repository: { id: 1, full_name: 'octo/app' } }),
      undefined,
      'another repository',
    ],
    ['another commit', () => knowRun({ head_sha: 'e'.repeat(40) }), undefined, 'another commit'],
    ['another workflow', () => knowRun({ referenced_workflows: [] }), undefined, 'did not use that workflow'],
    ['a job at another time', () => knowRun({}, { started_at: FUTURE }), undefined, 'no job of the run'],
    [
      'a job that was over',
      () => knowRun({}, { completed_at: '2026-01-01T00:00:00Z' }),
      undefined,
      'no job of the run',
    ],
    ['a commit that is not released', knowRun, [], 'never released'],
    ['a revoked commit', knowRun, [{ ...released, status: 'revoked', reason: 'stolen @mona' }], 'is revoked'],
  ])('is not explained: %s', async (_what, prepare, commits, reason) => {
    prepare();
    log.entries.push(await sign());
    const error = await refusal(watch({ start: '0' }, commits));
    expect(error).toMatchObject({ code: 'ENTRY_UNEXPLAINED' });
    const { findings } = await read(error.outputs['findings-path']);
    expect(findings[0]?.reasons.join()).toContain(reason);
    expect(issues.map(({ labels }) => labels)).toEqual([['paved-watch']]);
    expect(issues[0]?.body).not.toContain('@mona');
    // The next look at the same entry says the same, in the same issue.
    await refusal(watch({ start: '0' }, commits));
    expect(issues).toHaveLength(1);
  });

  test.each([
    { login: 'mona', type: 'User' },
    { login: 'other-app[bot]', type: 'Bot' },
  ])('opens our issue although $login wrote one with its marker, which is left alone', async (user) => {
    log.entries.push(await sign());
    await refusal(watch({ start: '0' }));
    const [copy] = issues;
    Object.assign(copy ?? {}, { user, body: `${copy?.body}forged` });
    await refusal(watch({ start: '0' }));
    expect(issues).toMatchObject([{ user, body: expect.stringContaining('forged') }, { user: AUTHOR }]);
  });

  test('is an error with a token of another name than author', async () => {
    log.entries.push(await sign());
    expect(await refusal(watch({ start: '0', author: 'release-app[bot]' }))).toMatchObject({ code: 'AUTHOR_MISMATCH' });
  });

  test('that no authority issued is counted, and opens nothing', async () => {
    const stranger = await startSigstore({ issuer });
    const own = sigstore;
    sigstore = stranger;
    const entry = await sign();
    sigstore = own;
    await stranger.close();
    log.entries.push(entry);
    const outputs = await watch({ start: '0' });
    expect((await read(outputs['findings-path'])).progress[0]).toMatchObject({ forged: 1 });
    expect(issues).toEqual([]);
  });

  test('of another workflow is not ours', async () => {
    log.entries.push(await sign({ job_workflow_ref: 'octo/other/.github/workflows/x.yml@refs/heads/main' }));
    expect((await read((await watch({ start: '0' }))['findings-path'])).findings).toEqual([]);
  });
});

describe('from run to run', () => {
  const again = async (path: string | undefined) => {
    await writeFile(join(kit.workspace, 'state.json'), await readFile(path ?? ''));
    return { 'state-path': 'state.json' };
  };

  test('the first run starts at the end, and says so; the next reads what came', async () => {
    log.entries.push(...others(300));
    const first = await watch();
    expect(kit.lines.join('\n')).toContain('nothing before was looked at');
    log.entries.push(await sign());
    const error = await refusal(watch(await again(first['state-path'])));
    expect(error.code).toBe('ENTRY_UNEXPLAINED');
    expect((await read(error.outputs['findings-path'])).findings).toMatchObject([{ logIndex: 300 }]);
    expect((await read(error.outputs['state-path'])).logs).toMatchObject([{ next: 301 }]);
  });

  test('a limit leaves the rest to the next run, which skips nothing', async () => {
    log.entries.push(...others(500), await sign());
    const first = await watch({ start: '0', 'max-entries': '400' });
    expect(first.behind).toBe('101');
    const error = await refusal(watch(await again(first['state-path'])));
    expect((await read(error.outputs['findings-path'])).findings).toMatchObject([{ logIndex: 500 }]);
  });

  test('neither newest nor an index skips what the state has not seen', async () => {
    log.entries.push(...others(2));
    const first = await watch();
    log.entries.push(await sign());
    for (const start of ['newest', '99']) {
      expect(await refusal(watch({ ...(await again(first['state-path'])), start }))).toMatchObject({
        code: 'ENTRY_UNEXPLAINED',
      });
    }
  });

  test('a log that is new starts at its beginning', async () => {
    const before = await watch();
    const state = JSON.parse(await readFile(before['state-path'] ?? '', 'utf8')) as object;
    await writeFile(join(kit.workspace, 'empty.json'), JSON.stringify({ ...state, logs: [] }));
    log.entries.push(await sign());
    expect(await refusal(watch({ 'state-path': 'empty.json' }))).toMatchObject({ code: 'ENTRY_UNEXPLAINED' });
  });

  test('a later run without a state is refused', async () => {
    await kit.dispose();
    kit = await testContext({
      action: 'watch',
      facts: { apiUrl: api.url, repository: 'org/paved', repositoryId: '77', runNumber: '2', runId: '5005' },
    });
    expect(await refusal(watch())).toMatchObject({ code: 'STATE_MISSING' });
  });

  test.each([
    ['of this workflow', {}, 'ENTRY_UNEXPLAINED'],
    ['of a fork', { head_repository: { id: 78 } }, undefined],
    ['that anybody may start', { event: 'pull_request' }, undefined],
    ['of another branch', { head_branch: 'mine' }, undefined],
  ])('the state of a run %s', async (_what, described, code) => {
    log.entries.push(...others(1));
    const first = await watch();
    const folder = join(kit.temp, 'sent');
    await mkdir(folder);
    let archive = Buffer.alloc(0);
    const sent = await sendHandover(
      { path: first['state-path'] ?? '', name: 'watch-state', workFolder: folder },
      {
        async upload(path) {
          archive = await readFile(path);
          return { id: 1, sha256: undefined };
        },
        list: async () => [],
        download: async () => '',
      },
    );
    const base = '/repos/org/paved/actions';
    const earlier = { id: 4004, event: 'schedule', head_branch: 'main', head_repository: { id: 77 } };
    answers.set(`${base}/workflows/9/runs`, { workflow_runs: [{ ...earlier, ...described }] });
    const artifact = { id: 6, name: 'watch-state.tar', expired: false, digest: sent.digest };
    answers.set(`${base}/runs/4004/artifacts`, { artifacts: [artifact] });
    answers.set(`${base}/artifacts/6/zip`, archive);
    log.entries.push(await sign());
    expect((await refusal(watch()))?.code).toBe(code);
  });

  test.each<readonly [string, string, () => void]>([
    ['forks', 'LOG_FORKED', () => log.entries.splice(0, 1, Buffer.from('another'))],
    ['shrinks', 'LOG_SHRUNK', () => log.entries.pop()],
  ])('a log that %s is an alarm with its own issue, and the state stays', async (_what, code, change) => {
    log.entries.push(...others(5));
    const first = await watch();
    const state = await again(first['state-path']);
    change();
    for (let time = 0; time < 2; time++) {
      const error = await refusal(watch(state));
      expect(error.code).toBe('LOG_ALARM');
      expect((await read(error.outputs['findings-path'])).alarms).toMatchObject([{ code, issue: 1 }]);
      expect((await read(error.outputs['state-path'])).logs).toEqual((await read(first['state-path'])).logs);
    }
    expect(issues.map(({ title }) => title)).toEqual([expect.stringContaining(code)]);
  });
});
