import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { stringify } from 'yaml';
import { commitAll } from '../../demo/git.js';
import { createProject } from '../../demo/project.js';
import { release } from '../../demo/release.js';
import { openWorld, PLATFORM, type World } from '../../demo/world.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';

interface Checks {
  /** Its checks.yml takes the scanners that were built here; everything else of it is as rendered. */
  readonly world: World;
}

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;

/** It calls the workflow by its commit: a moving tag would be a finding of its own. */
function callerWorkflow({ platformCommit }: World): string {
  const uses = `${PLATFORM}/.github/workflows/checks.yml@${platformCommit}`;
  const jobs = { checks: { permissions: { contents: 'read' }, uses } };
  return stringify({ name: 'checks', on: { pull_request: {} }, permissions: {}, jobs });
}

/** A pull request with one commit over a base that has only the example and the workflow. */
async function check(
  world: World,
  name: string,
  files: Readonly<Record<string, string>>,
  signed: boolean,
): Promise<RunResult> {
  const folder = join(world.folder, name);
  const workflow = callerWorkflow(world);
  const base = createProject(folder, { ...OWNER, source: 'examples/node-package', inputs: {}, workflow });
  execFileSync('git', ['-C', folder, 'checkout', '--quiet', '-b', 'topic']);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const sha = commitAll(folder, 'change');
  const request = { head: { sha, ref: 'topic' }, base: { sha: base.sha, ref: 'main' } };
  return await release(world, {
    caller: {
      ...base,
      sha,
      ref: 'refs/pull/7/merge',
      refProtected: false,
      protectedBranches: ['main'],
      verifiedCommits: signed ? [sha] : [],
      event: { name: 'pull_request', payload: { number: 7, pull_request: request } },
    },
  });
}

const resultsOf = ({ jobs }: RunResult) => jobs.map(({ id, result }) => `${id} ${result}`).join(', ');
const logOf = (run: RunResult) =>
  run.jobs.flatMap(({ steps }) => steps.map(({ name, log }) => `${name}: ${log}`)).join('\n');

/** Put together here, so that nobody's scanner finds it in this file. */
const SECRET = `aws_access_key_id = "${'AKIA'}${'Q3EGRIK4SDUJ7FTL'}"\n`;
const UNPINNED = stringify({
  name: 'more',
  on: { push: {} },
  permissions: {},
  jobs: { a: { 'runs-on': 'ubuntu-24.04', permissions: {}, steps: [{ uses: 'actions/checkout@v6' }] } },
});

function refused(
  name: string,
  files: Readonly<Record<string, string>>,
  signed: boolean,
  reasons: readonly string[],
): EngineTest<Checks> {
  return {
    name: `checks.yml refuses ${name}, and hands the verdict over`,
    async run({ world }) {
      const run = await check(world, name.replaceAll(/\W+/g, '-'), files, signed);
      expectThat(
        'the gate refuses',
        resultsOf(run) === 'source success, gate failure',
        `${resultsOf(run)}\n${logOf(run)}`,
      );
      for (const reason of reasons) expectThat(`it says ${reason}`, logOf(run).includes(reason), logOf(run));
      expectThat('the verdict', /^[0-9a-f]{64}$/.test(run.outputs.checks?.['verdict-sha256'] ?? ''), logOf(run));
    },
  };
}

const tests: readonly EngineTest<Checks>[] = [
  {
    name: 'checks.yml accepts a signed change, with gitleaks and trivy in their sandboxes and no token',
    async run({ world }) {
      const run = await check(world, 'clean', { 'notes.txt': 'nothing\n' }, true);
      expectThat(
        'both jobs succeed',
        resultsOf(run) === 'source success, gate success',
        `${resultsOf(run)}\n${logOf(run)}`,
      );
      expectThat('the verdict', run.outputs.checks?.verdict === 'pass', JSON.stringify(run.outputs));
      expectThat('no token', !world.github.requests.some(({ path }) => path === '/_oidc/token'));
      expectThat('one commit was looked at', logOf(run).includes('Checked 1 commits'), logOf(run));
    },
  },
  refused('an unsigned commit', { 'notes.txt': 'nothing\n' }, false, ['unsigned-commit']),
  refused('an unpinned action', { '.github/workflows/more.yml': UNPINNED }, true, ['unpinned-action']),
  refused('a secret', { 'settings.txt': SECRET }, true, ['aws-access']),
];

/** The rendered workflow with programs of this machine in place of the locked downloads. */
function useTools(world: World, tools: Readonly<Record<string, string>>): World {
  const platform = join(world.folder, 'platform');
  const path = join(platform, '.github/workflows/checks.yml');
  const text = readFileSync(path, 'utf8');
  const lines = Object.entries(tools).map(([name, program]) => `            ${name}=${program}\n`);
  const changed = text.replace(
    /^ {10}path: \$\{\{ github\.workspace \}\}$/m,
    `$&\n          tool-paths: |\n${lines.join('')}`,
  );
  expectThat('the step that scans is there', changed !== text);
  writeFileSync(path, changed);
  const sha = commitAll(platform, 'use the programs of this machine');
  return { ...world, repositories: { [PLATFORM]: { path: platform, sha, ref: 'refs/tags/v1' } }, platformCommit: sha };
}

export const checksSuite = defineSuite<Checks>({
  engines: ['gitleaks', 'trivy'],
  async start(engine) {
    const folder = mkdtempSync(join(tmpdir(), 'paved-checks-'));
    const world = await openWorld({ folder, isolation: 'sandbox' });
    const stop = async () => {
      await world.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { context: { world: useTools(world, { gitleaks: engine('gitleaks'), trivy: engine('trivy') }) }, stop };
  },
  tests,
});
