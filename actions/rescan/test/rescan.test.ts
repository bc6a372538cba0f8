import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseSbom } from '@paved/bom';
import { digestHex, sha256 } from '@paved/digest';
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

  test('the gate takes what was fetched, and its verdict is what notify reads', async () => {
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
    const told = await run(
      await bench.kit.inputs(definition, {
        mode: 'notify',
        'verdict-path': outputs['verdict-path'] ?? '',
        'facts-path': fetched['facts-path'] ?? '',
        'github-token': 'unused',
      }),
      bench.kit.context,
    );
    const receipt = JSON.parse(await readFile(told['receipt-path'] ?? '', 'utf8')) as object;
    expect(receipt).toMatchObject({ subjectDigest: FILE, notifications: [] });
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
  const start = async (verdict: object, publishedAt = '2024-01-01T00:00:00Z', more: Record<string, string> = {}) => {
    await writeFile(join(kit.workspace, 'verdict.json'), JSON.stringify(verdict));
    const about = { image: `r.example/octo/app@sha256:${digestHex(FILE)}`, subjectDigest: FILE, publishedAt };
    await writeFile(join(kit.workspace, 'facts.json'), JSON.stringify(about));
    const texts = {
      mode: 'notify',
      'verdict-path': 'verdict.json',
      'facts-path': 'facts.json',
      'github-token': token,
      ...more,
    };
    return await run(await kit.inputs(definition, texts), kit.context);
  };
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

  test('an issue that somebody else marked is not ours', async () => {
    await start(verdictOf([exploited(today)]), undefined, { 'max-delay': '48h' });
    const [own] = github.results.issues;
    github.results.issues.splice(0, 1, { ...own, user: { login: 'mona', type: 'User' } } as NonNullable<typeof own>);
    await start(verdictOf([exploited(today)]), undefined, { 'max-delay': '48h' });
    expect(github.results.issues).toHaveLength(2);
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

  test('nothing to tell asks nothing of the service', async () => {
    await start(verdictOf([]));
    expect(github.requests).toEqual([]);
  });
});
