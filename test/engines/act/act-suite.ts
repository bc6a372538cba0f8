import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { defineSuite, expectThat } from '../suite.js';
import type { ActRun } from './act-run.js';
import { type ActWorld, openActWorld } from './world.js';

const INPUTS = { name: 'tool', version: '1.0.0', command: 'npm run build', 'output-path': 'dist' };
const BUILD = [
  'Check out the commit of the run',
  'Fetch what the lock file names, and prove the sandbox',
  'Hand over the fetch record before user code runs',
  'Build without network',
  'Hand over the artifact',
  'Hand over the build record',
];
const INSPECT = [
  'Receive the fetch record',
  'Receive the artifact',
  'Write the SBOMs',
  'Collect advisories and reports',
  'Hand over the SBOMs',
  'Hand over the inspection',
];

function caller(called: string): string {
  const permissions = { actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' };
  const uses = `org/paved/.github/workflows/${called}.yml@v1`;
  return stringify({ name: 'own', on: { push: {} }, jobs: { call: { permissions, uses, with: INPUTS } } });
}

function expectSteps(run: ActRun, job: string, names: readonly string[], result: string): void {
  for (const name of names) {
    const found = run.steps.get(`${job}: ${name}`);
    expectThat(`${job}: ${name} ends as ${result}`, found === result, `it ended as ${found}\n${run.log.slice(-3000)}`);
  }
}

/** act knows neither permissions nor the job's own workflow, so what it can confirm is everything up to the first signature. */
export const actSuite = defineSuite<ActWorld>({
  engines: ['act'],
  async start(engine) {
    const context = await openActWorld(engine('act'));
    return { context, stop: () => context.close() };
  },
  tests: [
    {
      name: 'release-artifact builds and inspects, each hand-over by id and digest',
      async run(world) {
        const run = await world.run(caller('release-artifact'));
        expectSteps(run, 'build', BUILD, 'success');
        expectSteps(run, 'inspect', INSPECT, 'success');
        expectSteps(run, 'seal', ['Receive the artifact', 'Receive the SBOMs', 'Receive the inspection'], 'success');
        expectSteps(run, 'seal', ['Lay out the OCI artifact and take its digest'], 'success');
        // act has neither a token nor an API of its own to give: without the repository's policy the gate must not pass.
        expectSteps(run, 'seal', ['Gate'], 'failure');
        expectThat('the run fails', run.status !== 0);
        expectThat('nothing is pushed', world.world.registry.requests.length === 0);
        expectThat('no token is asked for', !world.world.github.requests.some(({ path }) => path === '/_oidc/token'));
        expectThat('nothing is signed', !run.steps.has('seal: Sign') || run.steps.get('seal: Sign') === 'skipped');
      },
    },
    {
      name: 'review builds and inspects, and its gate fails closed without an API',
      async run(world) {
        const run = await world.run(caller('review'));
        expectSteps(run, 'build', BUILD, 'success');
        expectSteps(run, 'inspect', INSPECT, 'success');
        expectSteps(run, 'gate', ['Gate'], 'failure');
        expectThat('the run fails', run.status !== 0);
      },
    },
    {
      name: 'control: a hand-over with another digest stops inspect',
      async run(world) {
        const run = await world.run(caller('review'), (platform) => {
          const path = join(platform, '.github/workflows/review.yml');
          const from = 'artifact-sha256: ${{ steps.send-artifact.outputs.sha256 }}';
          const text = readFileSync(path, 'utf8');
          expectThat('the output is there', text.includes(from));
          writeFileSync(path, text.replace(from, `artifact-sha256: ${'0'.repeat(64)}`));
        });
        expectSteps(run, 'build', BUILD, 'success');
        expectSteps(run, 'inspect', ['Receive the artifact'], 'failure');
        expectThat('it says why', run.log.includes('HANDOFF_DIGEST_MISMATCH'), run.log.slice(-2000));
        expectThat('no SBOM is written', run.steps.get('inspect: Write the SBOMs') !== 'success');
      },
    },
    {
      name: 'control: a build that fails hands over nothing',
      async run(world) {
        const failing = caller('review').replace('npm run build', 'exit 7');
        const run = await world.run(failing);
        expectSteps(run, 'build', ['Build without network'], 'failure');
        expectThat('no artifact is sent', run.steps.get('build: Hand over the artifact') !== 'success');
        expectThat('inspect does not run', ![...run.steps.keys()].some((key) => key.startsWith('inspect: ')));
      },
    },
  ],
});
