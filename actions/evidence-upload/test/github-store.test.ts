import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { testContext } from '@paved/runner-kit/testing';
import { type GitHubService, type Issuer, type JobPermissions, startGitHub, startIssuer } from '@paved/testkit';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { type Bench, bench, signedPack, sourcesOf } from './pack.js';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const IMAGE = `ghcr.io/acme/widget@${DIGEST}`;
const ALL: JobPermissions = { attestations: 'write', 'artifact-metadata': 'write' };

let issuer: Issuer;
let github: GitHubService;
let stage: Bench;
const before = { ...process.env };

beforeAll(async () => {
  issuer = await startIssuer();
  github = await startGitHub({ issuer });
  github.addRepository({ owner: 'acme', name: 'widget', id: '900100', ownerId: '800200' });
  // @actions/attest takes API and owner from the runner's environment when it is loaded.
  process.env.GITHUB_API_URL = github.url;
  process.env.GITHUB_REPOSITORY = 'acme/widget';
});
afterAll(async () => {
  process.env = before;
  await Promise.all([github.close(), issuer.close()]);
});
beforeEach(async () => {
  stage = await bench();
  github.attestations.attestations.splice(0);
  github.attestations.storageRecords.splice(0);
});
afterEach(() => stage.dispose());

async function upload(permissions: JobPermissions, inputs: Readonly<Record<string, string>>) {
  const started = github.createRun({
    repository: 'acme/widget',
    sha: 'a'.repeat(40),
    ref: 'refs/heads/main',
    event: 'push',
    workflowPath: '.github/workflows/release.yml',
  });
  const { githubToken } = github.startJob({ runId: started.id, name: 'seal', permissions, claims: {} });
  const packPath = await signedPack(stage);
  const facts = { apiUrl: github.url, repository: 'acme/widget', owner: 'acme' };
  const kit = await testContext({ action: 'evidence-upload', facts });
  const texts = { mode: 'upload', name: 'widget', 'github-token': githubToken, ...inputs };
  const scoped = await stage.kit.inputs(definition, { ...texts, 'pack-path': packPath });
  const outcome = await run(scoped, kit.context).then(
    (outputs) => ({ outputs, error: undefined }),
    (error: unknown) => ({ outputs: undefined, error }),
  );
  return { ...outcome, githubToken, lines: kit.lines.join('\n') };
}

describe("GitHub's attestation store", () => {
  test('gets every bundle of the pack as it was signed, and nothing else of it', async () => {
    const { outputs, error } = await upload(ALL, { 'github-attestations': 'true' });
    expect(error).toBeUndefined();
    expect(outputs?.['attestation-ids']).toBe('4001');
    expect(github.attestations.attestations).toEqual([
      { repository: 'acme/widget', bundle: { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' } },
    ]);
    expect(github.attestations.storageRecords).toEqual([]);
  });

  test('gets a record of where the image is', async () => {
    const { error } = await upload(ALL, { 'storage-image': IMAGE });
    expect(error).toBeUndefined();
    expect(github.attestations.storageRecords).toEqual([
      {
        owner: 'acme',
        record: { name: 'ghcr.io/acme/widget', digest: DIGEST, registry_url: 'https://ghcr.io', repo: 'acme/widget' },
      },
    ]);
    expect(github.attestations.attestations).toEqual([]);
  });

  test('gets nothing unless it is asked for', async () => {
    expect((await upload(ALL, {})).error).toBeUndefined();
    expect(github.attestations).toMatchObject({ attestations: [], storageRecords: [] });
  });

  test.each<[string, JobPermissions, Record<string, string>, string]>([
    ['attestations: write', {}, { 'github-attestations': 'true' }, 'GITHUB_STORE_REFUSED'],
    ['artifact-metadata: write', { attestations: 'write' }, { 'storage-image': IMAGE }, 'GITHUB_STORE_REFUSED'],
    ['a token', ALL, { 'github-attestations': 'true', 'github-token': '' }, 'INPUT_INVALID'],
    ['a digest', ALL, { 'storage-image': 'ghcr.io/acme/widget:1' }, 'INPUT_INVALID'],
  ])('is an error without %s, and the token stays out of it', async (_what, permissions, inputs, code) => {
    const { error, githubToken, lines } = await upload(permissions, inputs);
    expect(error).toMatchObject({ code });
    const texts = [];
    for (let link = error; link instanceof Error; link = link.cause) texts.push(link.message);
    expect(`${texts.join('\n')}${lines}`).not.toContain(githubToken);
    expect(github.attestations).toMatchObject({ attestations: [], storageRecords: [] });
  });
});

test('a trusted root is kept in the pack, under its manifest', async () => {
  const outputs = await stage.run({ mode: 'pack', ...(await sourcesOf(stage)), 'trusted-root': '{"mediaType": "x"}' });
  const folder = outputs['pack-path'] ?? '';
  expect(await readFile(join(folder, 'trust/trusted_root.json'), 'utf8')).toBe('{"mediaType": "x"}');
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  expect(manifest.files.map(({ path }: { path: string }) => path)).toContain('trust/trusted_root.json');
});
