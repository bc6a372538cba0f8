import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { openSigningSession } from '@paved/sigstore';
import {
  type GitHubService,
  githubClaims,
  type Issuer,
  type Sigstore,
  startGitHub,
  startIssuer,
  startSigstore,
} from '@paved/testkit';
import { fetched, type Scenario, scenario } from './scenario.js';

const PATH = 'octo/security/.github/workflows/vex.yml';
const COMMIT = 'd'.repeat(40);
const DOCUMENT = '.paved/vex/openvex.json';
const VEX = JSON.stringify({
  '@context': 'https://openvex.dev/ns/v0.2.0',
  author: 'Octo',
  timestamp: '2025-08-01T00:00:00Z',
  statements: [
    {
      vulnerability: { name: 'GO-2021-0053' },
      products: [{ '@id': 'pkg:golang/github.com/gogo/protobuf@v1.3.1' }],
      status: 'not_affected',
      justification: 'vulnerable_code_not_in_execute_path',
    },
  ],
});
const FLOOR = '{"vex":{"authors":["Octo"]}}';

let issuer: Issuer;
let sigstore: Sigstore;
const http = new HttpClient();

beforeAll(async () => {
  issuer = await startIssuer();
  sigstore = await startSigstore({ issuer });
});
afterAll(async () => {
  http.close();
  await Promise.all([sigstore.close(), issuer.close()]);
});

async function sign(content: string): Promise<string> {
  const claims = githubClaims({ jobWorkflowRef: `${PATH}@refs/heads/main`, jobWorkflowSha: COMMIT });
  const session = await openSigningSession({
    fulcioUrl: sigstore.fulcioUrl,
    rekorUrl: sigstore.rekorUrl,
    tsaUrl: sigstore.tsaUrl,
    transparency: 'required',
    http,
    idToken: () => issuer.sign(claims, { audience: 'sigstore' }),
  });
  const { json } = await session.signBlob(Buffer.from(content));
  session.close();
  return json;
}

const signer = () => ({
  issuer: issuer.url,
  'workflow-path': `github.com/${PATH}`,
  'signer-digests': [COMMIT],
  'repository-id': '900100',
  'owner-id': '800200',
});

describe('VEX documents that the policy of the repository names', () => {
  let folder: string;
  let github: GitHubService;
  let s: Scenario;
  let texts: Readonly<Record<string, string>>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-vex-'));
    github = await startGitHub({ issuer });
  });
  afterEach(async () => {
    await s.kit.dispose();
    await github.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The default branch has these files; the job runs at a commit of the pull request, which has `proposed` as well. */
  async function start(
    vex: object,
    files: Readonly<Record<string, string>>,
    proposed: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', folder, ...args], {
        encoding: 'utf8',
      }).trim();
    const commit = async (written: Readonly<Record<string, string>>) => {
      for (const [path, text] of Object.entries(written)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      git('add', '.');
      git('commit', '-q', '--allow-empty', '-m', 'x');
    };
    git('init', '-q', '-b', 'main');
    await commit({ ...files, '.paved/policy.yml': JSON.stringify({ version: 1, vex: { authors: ['Octo'], ...vex } }) });
    git('checkout', '-q', '-b', 'proposal');
    await commit(proposed);
    const protectedBranches = ['main'];
    github.addRepository({ owner: 'octo', name: 'app', id: '1001', ownerId: '2002', path: folder, protectedBranches });
    const run = github.createRun({
      repository: 'octo/app',
      sha: git('rev-parse', 'HEAD'),
      ref: 'refs/heads/main',
      event: 'push',
      workflowPath: '.github/workflows/release.yml',
    });
    const job = github.startJob({ runId: run.id, name: 'seal', permissions: { contents: 'read' }, claims: {} });
    s = await scenario({ facts: { apiUrl: github.url } });
    await s.sboms([fetched('Go', 'github.com/gogo/protobuf', 'v1.3.1')]);
    texts = { 'policy-from-repository': 'true', 'github-token': job.githubToken, 'policy-floor': FLOOR };
  }

  const judged = async (change: Readonly<Record<string, string>> = {}) => {
    const { verdict, vex, documents } = await s.verdict({ ...texts, ...change });
    return {
      verdict,
      states: vex.map(({ state, code }) => code ?? state),
      names: documents.filter(({ kind }) => kind === 'vex').map(({ name }) => name),
    };
  };

  test('are read from the commit of the policy, and count as far as the floor names the author', async () => {
    await start({ documents: [DOCUMENT] }, { [DOCUMENT]: VEX });
    expect(await judged()).toEqual({ verdict: 'pass', states: ['used'], names: [DOCUMENT] });
    expect((await judged({ 'policy-floor': '{}' })).verdict).toBe('fail');
  });

  test('of the commit that is built do not count', async () => {
    const other = VEX.replace('GO-2021-0053', 'GO-2021-0054');
    await start({ documents: [DOCUMENT] }, { [DOCUMENT]: other }, { [DOCUMENT]: VEX });
    expect((await judged()).verdict).toBe('fail');
  });

  test('count under signers with the bundle beside them; one byte more, and they do not', async () => {
    const bundle = await sign(VEX);
    const vex = { documents: [DOCUMENT], signers: [signer()] };
    await start(vex, { [DOCUMENT]: VEX, [`${DOCUMENT}.sigstore.json`]: bundle });
    const root = { 'trusted-root': sigstore.trustedRoot };
    expect(await judged(root)).toEqual({ verdict: 'pass', states: ['used'], names: [DOCUMENT] });
    expect(await judged()).toMatchObject({ verdict: 'fail', states: ['TRUSTED_ROOT_MISSING'] });
    await writeFile(join(folder, DOCUMENT), `${VEX}\n`);
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-qam', 'x']);
    execFileSync('git', ['-C', folder, 'branch', '-f', 'main', 'proposal']);
    expect(await judged(root)).toMatchObject({ verdict: 'fail', states: ['SUBJECT_MISMATCH'] });
  });

  test('without a signature do not count where signers are named', async () => {
    await start({ documents: [DOCUMENT], signers: [signer()] }, { [DOCUMENT]: VEX });
    const found = await judged({ 'trusted-root': sigstore.trustedRoot });
    expect(found).toMatchObject({ verdict: 'fail', states: ['VEX_UNSIGNED'] });
  });

  test.each<[string, object, Readonly<Record<string, string>>, string]>([
    ['not there', { documents: ['missing.json'] }, {}, 'FILE_UNREADABLE'],
    ['no document', { documents: [DOCUMENT] }, { [DOCUMENT]: '{"cut' }, 'VEX_MALFORMED'],
    ['a folder', { documents: ['.paved'] }, {}, 'VEX_MALFORMED'],
    ['too large', { documents: [DOCUMENT] }, { [DOCUMENT]: ' '.repeat(16 * 1024 * 1024 + 1) }, 'HTTP_BODY_TOO_LARGE'],
    ['outside', { documents: ['../x.json'] }, {}, 'POLICY_INVALID'],
    ['of the machine', { documents: ['/etc/passwd'] }, {}, 'POLICY_INVALID'],
    ['at another commit', { documents: ['x.json?ref=proposal'] }, {}, 'POLICY_INVALID'],
    ['named twice', { documents: [DOCUMENT, DOCUMENT] }, { [DOCUMENT]: VEX }, 'POLICY_INVALID'],
    ['one of too many', { documents: Array.from({ length: 33 }, (_, index) => `${index}`) }, {}, 'POLICY_INVALID'],
  ])('one that is %s is an error', async (_what, vex, files, code) => {
    await start(vex, files);
    await expect(judged()).rejects.toMatchObject({ code });
  });

  test.each(['policy', 'policy-floor'])('are not for %s, which is in no repository', async (input) => {
    await start({}, {});
    const change = { 'policy-from-repository': input === 'policy' ? 'false' : 'true', 'policy-floor': '' };
    const text = JSON.stringify({ vex: { authors: ['Octo'], documents: [DOCUMENT] } });
    await expect(judged({ ...change, [input]: text })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
