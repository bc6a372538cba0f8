import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunResult } from '@paved/local-runner';
import { stringify } from 'yaml';
import { commitAll } from '../demo/git.js';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { release } from '../demo/release.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const LOCK = { 'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n' };
const INPUTS = { name: 'tool', command: 'mkdir out; cp README.md out', 'output-path': 'out' };
const PROJECT = { ...OWNER, source: 'examples/node-package', files: LOCK };

let world: World;
/** Commit of the platform that released. */
let released: string;
let image: string;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-deploy-')), isolation });
  released = world.platformCommit;
  const inputs = { ...INPUTS, version: '1.0.0', lockfile: 'artifacts.lock.yaml' };
  const run = await release(world, { caller: createProject(join(world.folder, 'caller'), { ...PROJECT, inputs }) });
  image = `${world.registryHost}/acme/example/tool:1.0.0@${run.outputs.release?.digest ?? ''}`;
  world = acceptFiles(world);
}, 120_000);
afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

/** The rendered workflow for what was released from files: an image would need a base, and nothing else of it differs. */
function acceptFiles(before: World): World {
  const folder = join(before.folder, 'platform');
  const path = join(folder, '.github/workflows/verify-deploy.yml');
  const text = readFileSync(path, 'utf8');
  expect(text.split('release-container.yml')).toHaveLength(3);
  writeFileSync(path, text.replaceAll('release-container.yml', 'release-artifact.yml'));
  const sha = commitAll(folder, 'verify what was released from files');
  return { ...before, repositories: { [PLATFORM]: { path: folder, sha, ref: 'refs/tags/v1' } }, platformCommit: sha };
}

async function deploy(name: string, images: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const workflow = stringify({
    name,
    on: { push: { branches: ['main'] } },
    permissions: {},
    jobs: {
      deploy: {
        permissions: { contents: 'read', packages: 'read' },
        uses: `${PLATFORM}/.github/workflows/verify-deploy.yml@v1`,
        with: { images: JSON.stringify(images), 'signer-digests': released, ...more },
      },
    },
  });
  return await release(world, {
    caller: createProject(join(world.folder, name), { ...PROJECT, inputs: {}, workflow }),
  });
}

const resultsOf = ({ jobs }: RunResult) => jobs.map(({ result }) => result);
const logOf = (run: RunResult) => run.jobs.flatMap(({ steps }) => steps.map(({ log }) => log)).join('\n');
const failedSteps = (run: RunResult) =>
  run.jobs.flatMap(({ steps }) => steps.filter(({ outcome }) => outcome === 'failure').map(({ name }) => name));

describe('verify-deploy', () => {
  test('accepts what was released, and prints what others would be asked', async () => {
    const run = await deploy('good', [image]);
    expect([failedSteps(run), resultsOf(run)]).toEqual([[], ['success']]);
    expect(logOf(run)).toContain('cosign verify');
  }, 60_000);

  const VERIFY = 'Verify the image, with every platform of it';
  test.each([
    ['another source', {}, { 'repository-id': '7002' }, 'REPOSITORY_MISMATCH'],
    ['another owner', {}, { 'owner-id': '71' }, 'OWNER_MISMATCH'],
    ['another ref', {}, { 'source-ref': 'refs/heads/topic' }, ' REF_MISMATCH'],
    [
      'a commit of the platform that released nothing',
      {},
      { 'signer-digests': 'f'.repeat(40) },
      'SIGNER_DIGEST_MISMATCH',
    ],
    ['a tag that names something else', { tag: '1.0.1' }, {}, 'TAG_MISMATCH'],
    ['a digest that nobody signed', { digest: `sha256:${'0'.repeat(64)}` }, {}, 'ARTIFACT_NOT_FOUND'],
  ])(
    'refuses %s',
    async (name, { tag, digest }: { tag?: string; digest?: string }, more, code) => {
      const [place = '', own = ''] = image.split('@');
      const other = `${tag === undefined ? place : place.replace(/1\.0\.0$/, tag)}@${digest ?? own}`;
      const run = await deploy(name.replaceAll(' ', '-'), [other], more);
      expect([failedSteps(run), resultsOf(run)]).toEqual([[VERIFY], ['failure']]);
      expect(logOf(run)).toContain(code);
    },
    60_000,
  );

  test('the answer about one image is none about the other', async () => {
    const run = await deploy('both', [image, image.replace(/:1\.0\.0@/, ':0.9.0@')]);
    expect(resultsOf(run)).toEqual(['success', 'failure']);
  }, 60_000);
});
