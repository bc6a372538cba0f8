import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CallerRepository, type RunResult, runWorkflow } from '@paved/local-runner';
import { stringify } from 'yaml';
import { chooseIsolation } from '../demo/isolation.js';
import { CALLER_WORKFLOW, createProject } from '../demo/project.js';
import { readPublished } from '../demo/published.js';
import { machineEnvironment } from '../demo/release.js';
import { AUDIENCE, openWorld, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'sealed', id: '7002', ownerId: '70' } as const;
const NAME = 'tool';
const REPOSITORY = `acme/sealed/${NAME}`;
const PAVED = 'org/paved/actions';
const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd';

let world: World;
let isolation: 'sandbox' | 'none';
beforeAll(async () => {
  ({ isolation } = await chooseIsolation());
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-seal-')), isolation });
}, 120_000);
afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

type Step = Readonly<Record<string, unknown>>;

const send = (id: string, name: string, path: string): Step => ({
  id,
  uses: `${PAVED}/handoff@v1`,
  with: { mode: 'send', name, path },
});
const receive = (id: string): Step => ({
  id,
  uses: `${PAVED}/handoff@v1`,
  with: {
    mode: 'receive',
    'artifact-id': `\${{ needs.build.outputs.${id}-id }}`,
    sha256: `\${{ needs.build.outputs.${id}-sha256 }}`,
    'needs-result': '${{ needs.build.result }}',
  },
});

/** A workflow of the caller's own: a build job without a token, and a job whose last step is the composite. */
function workflow(change: Readonly<Record<string, string>>): string {
  const parts = ['fetched', 'artifact', 'record'];
  const build = (phase: string, more: Readonly<Record<string, string>>): Step => ({
    id: phase,
    uses: `${PAVED}/hermetic-build@v1`,
    with: { phase, isolation, ...more },
  });
  return stringify({
    name: 'own',
    on: { push: { branches: ['main'] } },
    permissions: {},
    jobs: {
      build: {
        'runs-on': 'ubuntu-24.04',
        permissions: { contents: 'read' },
        outputs: Object.fromEntries(
          parts.flatMap((id) => [
            [`${id}-id`, `\${{ steps.${id}.outputs.artifact-id }}`],
            [`${id}-sha256`, `\${{ steps.${id}.outputs.sha256 }}`],
          ]),
        ),
        steps: [
          { uses: CHECKOUT, with: { 'persist-credentials': false } },
          build('fetch', { 'registry-url': process.env.npm_config_registry?.replace(/\/$/, '') ?? '' }),
          send('fetched', 'fetched', '${{ steps.fetch.outputs.record-path }}'),
          build('build', {
            'bundle-path': '${{ steps.fetch.outputs.bundle-path }}',
            command: 'npm run build',
            'output-path': 'dist',
          }),
          send('artifact', 'artifact', '${{ steps.build.outputs.artifact-path }}'),
          send('record', 'record', '${{ steps.build.outputs.build-record-path }}'),
        ],
      },
      seal: {
        needs: 'build',
        'runs-on': 'ubuntu-24.04',
        permissions: { actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' },
        outputs: { digest: '${{ steps.seal.outputs.digest }}', reference: '${{ steps.seal.outputs.reference }}' },
        steps: [
          ...parts.map(receive),
          {
            id: 'sbom',
            uses: `${PAVED}/sbom@v1`,
            with: {
              'fetch-manifest': '${{ steps.fetched.outputs.path }}/fetch-manifest.json',
              'subject-path': '${{ steps.artifact.outputs.path }}',
              name: NAME,
              version: '1.0.0',
            },
          },
          {
            id: 'login',
            uses: `${PAVED}/oidc-login@v1`,
            with: {
              method: 'token-exchange',
              registry: world.registryHost,
              'token-url': world.tokenService.tokenUrl,
              'revocation-url': world.tokenService.revocationUrl,
              audience: AUDIENCE,
              scope: `repository:${REPOSITORY}:pull,push`,
              username: 'octocat',
            },
          },
          {
            id: 'seal',
            uses: `${PAVED}/seal@v1`,
            with: {
              'subjects-path': '${{ steps.artifact.outputs.path }}',
              name: NAME,
              version: '1.0.0',
              sboms: '${{ steps.sbom.outputs.sboms-path }}',
              'fetch-record-path': '${{ steps.fetched.outputs.path }}',
              'build-record-path': '${{ steps.record.outputs.path }}',
              'needs-results': '${{ toJSON(needs) }}',
              'build-jobs': 'build',
              'workflow-path': `acme/sealed/${CALLER_WORKFLOW}`,
              'workflow-sha': '${{ job.workflow_sha }}',
              'registry-config': '${{ steps.login.outputs.registry-config }}',
              'github-token': '${{ github.token }}',
              ...change,
            },
          },
        ],
      },
    },
  });
}

async function run(name: string, change: Readonly<Record<string, string>> = {}): Promise<RunResult> {
  const folder = join(world.folder, name);
  const caller: CallerRepository = createProject(folder, {
    ...OWNER,
    source: 'examples/node-package',
    inputs: {},
    workflow: workflow(change),
  });
  return await runWorkflow({
    callerRepository: caller,
    workflowPath: CALLER_WORKFLOW,
    repositories: world.repositories,
    services: world.github,
    env: machineEnvironment(),
    trapProcesses: true,
  });
}

function failures(result: RunResult): readonly string[] {
  const steps = result.jobs.flatMap((job) => job.steps.filter((step) => step.outcome === 'failure'));
  return [
    ...(result.error === undefined ? [] : [result.error.message]),
    ...result.jobs.flatMap(({ annotations }) => annotations.map(({ message }) => message)),
    ...steps.map((step) => `${step.name}: ${step.log.slice(-800)}`),
  ];
}

describe('the composite seal, in a workflow of the caller', () => {
  test('signs, pushes by digest, keeps the evidence and tags last', async () => {
    const result = await run('good');
    expect(failures(result)).toEqual([]);
    const seal = result.jobs.find(({ id }) => id === 'seal');
    const published = readPublished(world, REPOSITORY, seal?.outputs.digest ?? '', join(world.folder, 'published'));
    expect(published.tags).toEqual(['1.0.0']);
    expect(published.bundles.map(({ predicateType }) => predicateType)).toEqual(
      expect.arrayContaining([
        'https://cyclonedx.org/bom',
        'https://slsa.dev/provenance/v1',
        'https://spdx.dev/Document/v2.3',
      ]),
    );
    expect(seal?.steps.flatMap(({ childProcesses }) => childProcesses)).toEqual([]);
    expect(seal?.steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['State the provenance', 'Sign', 'Push by digest, without a tag', 'Tag']),
    );
  }, 120_000);

  test.each([
    ['another workflow than the one that runs', { 'workflow-path': 'acme/other/.github/workflows/release.yml' }],
    ['another commit of it', { 'workflow-sha': 'f'.repeat(40) }],
    ['a build job that did not run', { 'build-jobs': 'elsewhere' }],
  ])(
    'refuses %s, and tags nothing',
    async (what, change) => {
      const before = world.registry.requests.filter(({ method }) => method === 'PUT').length;
      const result = await run(what.replaceAll(/\W+/g, '-'), change);
      const steps = result.jobs.find(({ id }) => id === 'seal')?.steps ?? [];
      expect(steps.find(({ name }) => name === 'State the provenance')?.outcome).toBe('failure');
      expect(steps.find(({ name }) => name === 'Sign')?.outcome).toBe('skipped');
      expect(world.registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(before);
    },
    120_000,
  );
});
