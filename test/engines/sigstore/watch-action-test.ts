import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { type Loopback, readBody, startLoopback } from '@paved/testkit';
import { definition } from '../../../actions/watch/src/definition.js';
import type { Findings } from '../../../actions/watch/src/findings.js';
import { run } from '../../../actions/watch/src/run.js';
import { type EngineTest, expectThat } from '../suite.js';
import { type SigstoreContext, signSet } from './context.js';
import { serveTiles } from './tile-storage.js';

const TOKEN = 'token-of-the-job';
const AUTHOR = { login: 'github-actions[bot]', type: 'Bot' };
const UNKNOWN_RUN = '99999';

interface Issue {
  readonly title: string;
  readonly body: string;
}

/** The server's API as the watch asks it: one run that called the workflow, and the issues of the watching repository. */
interface Api extends Loopback {
  readonly issues: readonly Issue[];
}

async function startApi({ claims }: SigstoreContext): Promise<Api> {
  const issues: (Issue & object)[] = [];
  const run = `/repos/${claims.repository}/actions/runs/${claims.run_id}/attempts/${claims.run_attempt}`;
  const [workflow] = (claims.job_workflow_ref ?? '').split('@');
  const answers: Readonly<Record<string, unknown>> = {
    [run]: {
      head_sha: claims.sha,
      path: '.github/workflows/release.yml',
      repository: { id: Number(claims.repository_id), full_name: claims.repository },
      referenced_workflows: [{ path: `${workflow}@refs/tags/v1`, sha: claims.job_workflow_sha }],
    },
    [`${run}/jobs`]: { jobs: [{ started_at: new Date(Date.now() - 60_000).toISOString(), completed_at: null }] },
    '/repos/org/paved/actions/runs/5005': { workflow_id: 9 },
    '/repos/org/paved/actions/workflows/9/runs': { workflow_runs: [] },
  };
  const server = await startLoopback({
    async handle(request, { pathname }) {
      const json = (status: number, value: unknown) => ({
        ...{ status, headers: { 'content-type': 'application/json' } },
        body: JSON.stringify(value),
      });
      if (request.headers.authorization?.endsWith(` ${TOKEN}`) !== true) return json(401, {});
      if (pathname === '/repos/org/paved/issues') {
        if (request.method === 'GET') return json(200, issues);
        const issue = JSON.parse((await readBody(request)).toString()) as Issue;
        issues.push({ ...issue, ...{ number: issues.length + 1, state: 'open', user: AUTHOR } });
        return json(201, issues.at(-1));
      }
      const answer = answers[pathname];
      return answer === undefined ? json(404, { message: 'Not Found' }) : json(200, answer);
    },
  });
  return { ...server, issues };
}

function trustOf({ claims, issuer }: SigstoreContext): string {
  const [workflow] = (claims.job_workflow_ref ?? '').split('@');
  const since = '2026-01-01T00:00:00Z';
  return JSON.stringify({
    ...{ mediaType: 'application/vnd.paved.trust.v1+json', sequence: 1, updatedAt: since },
    identities: [{ issuer: issuer.url, workflowPath: `github.com/${workflow}` }],
    commits: [{ commit: claims.job_workflow_sha, status: 'released', since }],
  });
}

interface Outcome {
  readonly code: string | undefined;
  readonly findings: Findings;
  /** Where the next run goes on. */
  readonly statePath: string;
}

/** One run of the action; a refusal is an outcome like any other. */
async function watch(kit: TestContext, texts: Readonly<Record<string, string>>): Promise<Outcome> {
  const inputs = await kit.inputs(definition, { 'github-token': TOKEN, ...texts });
  let code: string | undefined;
  let outputs: Readonly<Record<string, string | undefined>>;
  try {
    outputs = await run(inputs, kit.context);
  } catch (error) {
    const refusal = error as Error & { code?: string; outputs?: Readonly<Record<string, string>> };
    if (refusal.outputs === undefined) throw error;
    ({ code, outputs } = refusal as Required<typeof refusal>);
  }
  const findings = JSON.parse(await readFile(outputs['findings-path'] ?? '', 'utf8')) as Findings;
  const statePath = join(kit.workspace, `state-${randomUUID()}.json`);
  await writeFile(statePath, await readFile(outputs['state-path'] ?? ''));
  return { code, findings, statePath };
}

/** The whole action over upstream's own tiles: quiet about what a run explains, one issue for each entry that none does. */
export const watchAction: EngineTest<SigstoreContext> = {
  name: "watch on Rekor's own tiles: no issue for an entry of a known run, one for an entry of the same identity of no run",
  async run(context) {
    const { storage, trustedRoot } = await serveTiles(context);
    const api = await startApi(context);
    const kit = await testContext({
      action: 'watch',
      facts: { apiUrl: api.url, repository: 'org/paved', repositoryId: '77', runNumber: '1', runId: '5005' },
    });
    try {
      await signSet(context, 'real');
      const given = { 'trusted-root': trustedRoot, trust: trustOf(context) };
      const first = await watch(kit, { ...given, start: 'newest' });
      const [log] = first.findings.progress;
      expectThat('the log of before is not looked at', log !== undefined && log.next === log.size && log.size > 0);

      await signSet(context, 'real');
      const known = await watch(kit, { ...given, 'state-path': first.statePath });
      const told = JSON.stringify(known.findings, null, 1);
      expectThat('three entries are ours', known.findings.findings.length === 3, told);
      expectThat(
        'and their run explains each',
        known.findings.findings.every(({ explained, identity }) => explained && identity === context.identity),
        told,
      );
      expectThat('nothing is refused', known.code === undefined, known.code);
      expectThat('no issue is opened', api.issues.length === 0, JSON.stringify(api.issues));

      await signSet({ ...context, claims: { ...context.claims, run_id: UNKNOWN_RUN } }, 'real');
      const stranger = await watch(kit, { ...given, 'state-path': known.statePath });
      expectThat('an entry of no run is refused', stranger.code === 'ENTRY_UNEXPLAINED', stranger.code);
      const reasons = stranger.findings.findings.map((finding) => finding.reasons.join());
      expectThat(
        'because the run is not there',
        reasons.length === 3 && reasons.every((reason) => reason.includes(`runs/${UNKNOWN_RUN}`)),
        reasons.join('\n'),
      );
      const bodies = api.issues.map(({ title, body }) => `${title}\n${body}`);
      expectThat('there is an issue for each', bodies.length === 3, bodies.join('\n\n'));
      expectThat(
        'which names the run',
        bodies.every((body) => body.includes(UNKNOWN_RUN)),
        bodies[0],
      );

      const again = await watch(kit, { ...given, 'state-path': known.statePath });
      expectThat('the same entries say the same again', again.code === 'ENTRY_UNEXPLAINED', again.code);
      expectThat('in the same issues', api.issues.length === 3, String(api.issues.length));
      const quiet = await watch(kit, { ...given, 'state-path': stranger.statePath });
      expectThat(
        'and the next run has nothing to tell',
        quiet.findings.findings.length === 0 && quiet.code === undefined,
      );
    } finally {
      await Promise.all([kit.dispose(), api.close(), storage.close()]);
    }
  },
};
