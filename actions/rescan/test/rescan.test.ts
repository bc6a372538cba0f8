import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseSbom } from '@paved/bom';
import { sha256 } from '@paved/digest';
import type { ReportedFinding } from '@paved/gate/results';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type GitHubService, type Issuer, startGitHub, startIssuer } from '@paved/testkit';
import { found, verdictOf } from '../../../packages/gate/test/results-sample.js';
import { definition as gateDefinition } from '../../scan-gate/src/definition.js';
import { run as gate } from '../../scan-gate/src/run.js';
import { type Bench, startBench, startWorld, type World } from '../../verify/test/world.js';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const FILE = sha256('the widget');
const sbom = (digest: string) => ({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    component: {
      type: 'application',
      name: 'widget',
      hashes: [{ alg: 'SHA-256', content: digest.replace('sha256:', '') }],
    },
  },
  components: [{ type: 'library', name: 'ms', version: '2.1.2', purl: 'pkg:npm/ms@2.1.2' }],
});

describe('fetch', () => {
  let world: World;
  let bench: Bench;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    bench = await startBench(world);
  });
  afterEach(() => bench.dispose());

  const start = async (more: Record<string, string> = {}) => {
    const { 'source-ref': _ref, ...identity } = world.identity;
    return await run(
      await bench.kit.inputs(definition, { mode: 'fetch', image: bench.reference, ...identity, ...more }),
      bench.kit.context,
    );
  };

  test('gives the SBOM that was signed with the release, and pulls no layer', async () => {
    await bench.push([await world.sign('sbom-cyclonedx', sbom(FILE), bench.digest)]);
    const outputs = await start();
    expect(outputs['subject-digest']).toBe(FILE);
    const folder = outputs['sboms-path'] ?? '';
    expect(await readdir(folder)).toEqual(['sbom-released-cyclonedx.json']);
    const [name = ''] = await readdir(folder);
    expect(parseSbom(await readFile(join(folder, name))).components.map(({ purl }) => purl)).toEqual([
      'pkg:npm/ms@2.1.2',
    ]);
    const pulled = bench.registry.requests.filter(
      ({ method, path }) => method === 'GET' && path.includes(`/blobs/${FILE}`),
    );
    expect(pulled).toEqual([]);
    expect(JSON.parse(await readFile(outputs['facts-path'] ?? '', 'utf8'))).toMatchObject({ subjectDigest: FILE });
  });

  test('the gate takes what was fetched, and a refusing verdict is recorded', async () => {
    await bench.push([await world.sign('sbom-cyclonedx', sbom(FILE), bench.digest)]);
    const fetched = await start();
    const texts = {
      mode: 'gate',
      sboms: fetched['sboms-path'] ?? '',
      'subject-digest': fetched['subject-digest'] ?? '',
      'subject-name': fetched['subject-name'] ?? '',
      'branch-protected': 'true',
    };
    // Without a database nothing is checked: the gate refuses, and still writes its verdict.
    const refusal: unknown = await gate(await bench.kit.inputs(gateDefinition, texts), bench.kit.context).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code: 'GATE_BLOCKED' });
    const { outputs } = refusal as { outputs: Record<string, string> };
    const recorded = await run(
      await bench.kit.inputs(definition, {
        mode: 'record',
        'verdict-path': outputs['verdict-path'] ?? '',
        'facts-path': fetched['facts-path'] ?? '',
      }),
      bench.kit.context,
    );
    const record = JSON.parse(await readFile(recorded['record-path'] ?? '', 'utf8')) as object;
    expect(record).toMatchObject({ facts: { subjectDigest: FILE }, verdict: { verdict: 'fail' } });
  });

  test('a bundle that anybody could push beside it hides nothing', async () => {
    const good = await world.sign('sbom-cyclonedx', sbom(FILE), bench.digest);
    await bench.push([good.replace('"payload":"', '"payload":"AAAA'), good]);
    expect((await start())['subject-digest']).toBe(FILE);
  });

  test.each<[string, () => Promise<readonly string[]>, Record<string, string>, string]>([
    ['no SBOM', async () => [], {}, 'SBOM_UNVERIFIED'],
    ['another slot', async () => [await world.sign('verdict', {}, bench.digest)], {}, 'SBOM_UNVERIFIED'],
    [
      'a signer that is not released',
      async () => [await world.sign('sbom-cyclonedx', sbom(FILE), bench.digest)],
      { 'signer-digests': 'd'.repeat(40) },
      'SBOM_UNVERIFIED',
    ],
    [
      'the SBOM of another digest',
      async () => [await world.sign('sbom-cyclonedx', sbom(FILE), sha256('another'))],
      {},
      'SBOM_UNVERIFIED',
    ],
    [
      'an SBOM that describes another file',
      async () => [await world.sign('sbom-cyclonedx', sbom(sha256('another')), bench.digest)],
      {},
      'SBOM_SUBJECT_MISMATCH',
    ],
  ])('%s is an error, not clean', async (_what, bundles, more, code) => {
    await bench.push(await bundles());
    await expect(start(more)).rejects.toMatchObject({ code });
  });

  test('a tag is refused', async () => {
    await expect(start({ image: bench.reference.replace(/@.*/, ':1.0.0') })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
});

describe('notify', () => {
  let folder: string;
  let issuer: Issuer;
  let github: GitHubService;
  let kit: TestContext;
  let token: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-rescan-'));
    issuer = await startIssuer();
    github = await startGitHub({ issuer });
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args], {
        encoding: 'utf8',
      }).trim();
    git('init', '-q', '-b', 'main');
    await writeFile(join(folder, 'CODEOWNERS'), '* @octo/everybody\n/package.json @octo/web\n');
    git('add', '.');
    git('commit', '-q', '-m', 'x');
    const sha = git('rev-parse', 'HEAD');
    github.addRepository({ owner: 'octo', name: 'app', id: '1001', ownerId: '2002', path: folder });
    const started = github.createRun({
      repository: 'octo/app',
      sha,
      ref: 'refs/heads/main',
      event: 'schedule',
      workflowPath: 'w.yml',
    });
    const job = github.startJob({
      runId: started.id,
      name: 'rescan',
      permissions: { contents: 'read', issues: 'write' },
      claims: {},
    });
    token = job.githubToken;
    kit = await testContext({ action: 'rescan', facts: { apiUrl: github.url, sha } });
  });
  afterEach(async () => {
    await kit.dispose();
    await github.close();
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  });

  const today = new Date().toISOString().slice(0, 10);
  const exploited = (dateAdded: string) =>
    found({ kev: { cve: 'CVE-2025-0001', dateAdded, dueDate: dateAdded }, rule: 'kev', title: '@mona <!-- x -->' });
  const ARTIFACT = 'r.example/octo/app';
  const imageOf = (version: string) => `${ARTIFACT}@${sha256(version)}`;

  /** One run over the given releases; a verdict that is absent is a leg that failed. */
  const rescan = async (
    releases: readonly { readonly version: string; readonly verdict?: object; readonly publishedAt?: string }[],
    more: Record<string, string> = {},
  ) => {
    await rm(join(kit.workspace, 'records'), { recursive: true, force: true });
    await mkdir(join(kit.workspace, 'records'), { recursive: true });
    const planned = releases.map(({ version }) => ({ image: imageOf(version), artifact: ARTIFACT, tags: [version] }));
    const plan = {
      mediaType: 'application/vnd.paved.rescan-plan.v1+json',
      at: '2025-09-02T00:00:00Z',
      releases: planned,
    };
    await writeFile(join(kit.workspace, 'plan.json'), JSON.stringify(plan));
    for (const [leg, { version, verdict, publishedAt = '2024-01-01T00:00:00Z' }] of releases.entries()) {
      if (verdict === undefined) continue;
      const facts = { image: imageOf(version), subjectDigest: FILE, publishedAt };
      const record = { mediaType: 'application/vnd.paved.rescan-record.v1+json', facts, verdict };
      await mkdir(join(kit.workspace, 'records', String(leg)));
      await writeFile(join(kit.workspace, 'records', String(leg), 'rescan-record.json'), JSON.stringify(record));
    }
    const texts = {
      mode: 'notify',
      'plan-path': 'plan.json',
      'records-path': 'records',
      'github-token': token,
      ...more,
    };
    return await run(await kit.inputs(definition, texts), kit.context);
  };
  const start = async (verdict: object, publishedAt = '2024-01-01T00:00:00Z', more: Record<string, string> = {}) =>
    await rescan([{ version: '1.0.0', verdict, publishedAt }], more);
  const receipt = async (path: string | undefined) =>
    JSON.parse(await readFile(path ?? '', 'utf8')) as { notifications: Record<string, unknown>[] };

  test('tells the owner once, and the next run says the same', async () => {
    const first = await start(verdictOf([exploited(today)]), undefined, { 'max-delay': '48h' });
    expect(github.results.issues).toHaveLength(1);
    const [issue] = github.results.issues;
    expect(issue?.labels).toContain('paved-rescan');
    expect(issue?.body).toContain('@octo/web');
    expect(issue?.body).not.toContain('@mona');
    const [entry] = (await receipt(first['receipt-path'])).notifications;
    expect(entry).toMatchObject({ issue: 1, kevDateAdded: today, late: false, feedSeenAt: '2025-09-02T00:00:00Z' });
    const body = issue?.body;
    await start(verdictOf([exploited(today)]), undefined, { 'max-delay': '48h' });
    expect(github.results.issues).toHaveLength(1);
    expect(issue?.body).toBe(body);
    expect(github.requests.filter(({ method }) => method === 'PATCH')).toEqual([]);
    await start(verdictOf([{ ...exploited(today), fixedIn: ['9.9.9'] }]), undefined, { 'max-delay': '48h' });
    expect(github.results.issues).toHaveLength(1);
    expect(issue?.body).toContain('9.9.9');
    expect(kit.summary()).toContain('Rescan');
  });

  describe.each([
    { login: 'mona', type: 'User' },
    { login: 'other-app[bot]', type: 'Bot' },
    { login: 'github-actions', type: 'User' },
    { login: 'github-actions', type: 'Bot' },
    { login: 'github-actions[bot]', type: 'User' },
  ])('an issue that $login, a $type, marked is not ours', (user) => {
    const lookAlike = (state: string) => {
      const [own] = github.results.issues.splice(0);
      const copy = { ...(own as NonNullable<typeof own>), user, state, closed_at: null };
      github.results.issues.push(copy);
      return { copy, before: structuredClone(copy) };
    };

    test('it keeps none of ours away, and is not edited', async () => {
      await start(verdictOf([exploited(today)]), undefined, { 'max-delay': '48h' });
      const { copy, before } = lookAlike('open');
      await start(verdictOf([{ ...exploited(today), fixedIn: ['9.9.9'] }]), undefined, { 'max-delay': '48h' });
      expect(github.results.issues).toHaveLength(2);
      expect(github.results.issues[1]).toMatchObject({ user: { login: 'github-actions[bot]' }, state: 'open' });
      expect(copy).toEqual(before);
    });

    test('it is neither closed nor counted', async () => {
      await start(verdictOf([found()]));
      const { copy, before } = lookAlike('open');
      const outputs = await start(verdictOf([]));
      expect([copy, github.results.comments]).toEqual([before, []]);
      expect(await receipt(outputs['receipt-path'])).toMatchObject({ closed: [] });
      Object.assign(copy, { state: 'closed', closed_at: new Date().toISOString() });
      const later = await start(verdictOf([]));
      const metrics = JSON.parse(await readFile(later['metrics-path'] ?? '', 'utf8')) as object;
      expect(metrics).toMatchObject({ closed: 0 });
    });
  });

  test('with the token of an App, the issues of that App are ours', async () => {
    await start(verdictOf([found()]));
    const [issue] = github.results.issues;
    Object.assign(issue ?? {}, { user: { login: 'release-app[bot]', type: 'Bot' } });
    await start(verdictOf([]), undefined, { author: 'release-app[bot]' });
    expect(issue?.state).toBe('closed');
  });

  test('a token that writes under another name than author is refused', async () => {
    const inputs = { 'max-delay': '48h', author: 'release-app[bot]' };
    await expect(start(verdictOf([exploited(today)]), undefined, inputs)).rejects.toMatchObject({
      code: 'AUTHOR_MISMATCH',
      hint: expect.stringContaining('github-actions[bot]'),
    });
  });

  test('is red above the limit, with the receipt written', async () => {
    const error = await start(verdictOf([exploited('2025-01-01')])).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NOTIFIED_LATE' });
    const { outputs } = error as { outputs: Record<string, string> };
    expect((await receipt(outputs['receipt-path'])).notifications).toMatchObject([{ late: true }]);
  });

  test('what was released after the entry is measured from the release', async () => {
    await start(verdictOf([exploited('2025-01-01')]), new Date().toISOString());
    expect(github.results.issues).toHaveLength(1);
  });

  test('a threshold breach opens an issue, the backlog does not', async () => {
    const later = found({ id: 'CVE-2', identity: 'b', action: 'backlog', severity: 'low', rule: 'low' });
    const outputs = await start(verdictOf([found(), later]));
    expect(github.results.issues.map(({ title }) => title)).toEqual(['CVE-2025-0001 in ms 2.1.2']);
    const metrics = JSON.parse(await readFile(outputs['metrics-path'] ?? '', 'utf8')) as object;
    expect(metrics).toMatchObject({ debtRatio: 1, coverage: 1, open: { critical: 1, low: 1 } });
  });

  test('two releases that have it are one issue, which names both', async () => {
    const verdict = verdictOf([exploited(today)]);
    await rescan(
      [
        { version: '1.1.0', verdict },
        { version: '1.0.0', verdict },
      ],
      { 'max-delay': '48h' },
    );
    expect(github.results.issues).toHaveLength(1);
    expect(github.results.issues[0]?.body.replaceAll('\u{200b}', '')).toContain('Releases that have it: 1.1.0, 1.0.0');
  });

  test('what is gone from every release is closed, with a word, and counts as remediated', async () => {
    const has = verdictOf([found()]);
    await rescan([
      { version: '1.1.0', verdict: has },
      { version: '1.0.0', verdict: has },
    ]);
    const clean = verdictOf([]);
    await rescan([
      { version: '1.1.1', verdict: clean },
      { version: '1.1.0', verdict: has },
    ]);
    expect(github.results.issues.map(({ state }) => state)).toEqual(['open']);
    const outputs = await rescan([{ version: '1.1.1', verdict: clean }]);
    expect(github.results.issues.map(({ state }) => state)).toEqual(['closed']);
    expect(github.results.comments.map(({ issue, body }) => [issue, body])).toEqual([
      [1, expect.stringContaining('none of the 1 releases')],
    ]);
    expect(await receipt(outputs['receipt-path'])).toMatchObject({ closed: [{ artifact: ARTIFACT, issue: 1 }] });
    const later = await rescan([{ version: '1.1.1', verdict: clean }]);
    const metrics = JSON.parse(await readFile(later['metrics-path'] ?? '', 'utf8')) as object;
    expect(metrics).toMatchObject({ meanTimeToRemediateHours: 0, debtRatio: 0, closed: 1 });
  });

  test.each<[string, Parameters<typeof rescan>[0], string | undefined]>([
    ['a release was not checked', [{ version: '1.1.1', verdict: verdictOf([]) }, { version: '1.1.0' }], 'NOT_CHECKED'],
    [
      'an ecosystem has no data',
      [{ version: '1.1.1', verdict: verdictOf([], { unchecked: [{ ecosystem: 'npm', packages: 1, allowed: true }] }) }],
      undefined,
    ],
  ])('%s: nothing is closed', async (_what, releases, code) => {
    await start(verdictOf([found()]));
    const outcome: unknown = await rescan(releases).catch((error: unknown) => error);
    if (code !== undefined) expect(outcome).toMatchObject({ code });
    expect(github.results.issues.map(({ state }) => state)).toEqual(['open']);
  });

  test("another artifact's issue stays open", async () => {
    await start(verdictOf([found()]));
    const [issue] = github.results.issues;
    if (issue !== undefined)
      issue.body = issue.body.replace(/paved-artifact-[0-9a-f]{32}/, `paved-artifact-${'0'.repeat(32)}`);
    await start(verdictOf([]));
    expect(issue?.state).toBe('open');
  });

  test.each<[string, readonly ReportedFinding[], string | undefined]>([
    ['everything has a fix', [found({ fixedIn: ['2.1.3'] })], '1.0.1'],
    ['one has none', [found({ fixedIn: ['2.1.3'] }), found({ identity: 'b', fixedIn: [] })], undefined],
    ['there is nothing to fix', [], undefined],
  ])('the next version, when %s', async (_what, findings, version) => {
    expect((await start(verdictOf(findings)))['next-version']).toBe(version);
  });

  test.each(['1.0.0-rc.1', 'latest'])('"%s" has no next patch version', async (version) => {
    const verdict = verdictOf([found({ fixedIn: ['2.1.3'] })]);
    expect((await rescan([{ version, verdict }]))['next-version']).toBeUndefined();
  });

  test('a record of what was not planned is refused, before anything is written', async () => {
    await start(verdictOf([]));
    const path = join(kit.workspace, 'plan.json');
    const plan = await readFile(path, 'utf8');
    await writeFile(path, plan.replace(sha256('1.0.0'), sha256('another')));
    const texts = { mode: 'notify', 'plan-path': 'plan.json', 'records-path': 'records', 'github-token': token };
    await expect(run(await kit.inputs(definition, texts), kit.context)).rejects.toMatchObject({
      code: 'RECORD_UNKNOWN',
    });
    expect(github.results.issues).toEqual([]);
  });

  test('nothing to tell writes nothing', async () => {
    await start(verdictOf([]));
    expect(github.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});

test('a verdict on another digest is not recorded', async () => {
  const kit = await testContext({ action: 'rescan' });
  await writeFile(join(kit.workspace, 'verdict.json'), JSON.stringify(verdictOf([])));
  const facts = { image: `r.example/a@${FILE}`, subjectDigest: FILE, publishedAt: '2024-01-01T00:00:00Z' };
  await writeFile(join(kit.workspace, 'facts.json'), JSON.stringify(facts));
  const inputs = await kit.inputs(definition, {
    mode: 'record',
    'verdict-path': 'verdict.json',
    'facts-path': 'facts.json',
  });
  await expect(run(inputs, kit.context)).rejects.toMatchObject({ code: 'SBOM_SUBJECT_MISMATCH' });
  await kit.dispose();
});
