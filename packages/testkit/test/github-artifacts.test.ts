import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultArtifactClient } from '@actions/artifact';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GitHubService, type Issuer, type JobCredentials, startGitHub, startIssuer } from '@paved/testkit';

const client = new DefaultArtifactClient();
let issuer: Issuer;
let github: GitHubService;
let runId: number;
let job: JobCredentials;
let folder: string;

function become(credentials: JobCredentials): void {
  process.env.ACTIONS_RUNTIME_TOKEN = credentials.runtimeToken;
  process.env.ACTIONS_RESULTS_URL = credentials.resultsUrl;
  process.env.GITHUB_SERVER_URL = 'https://github.com';
}

async function upload(name: string, text: string): Promise<number> {
  const path = join(folder, name);
  await writeFile(path, text);
  const { id } = await client.uploadArtifact(name, [path], folder, { skipArchive: true });
  return id ?? 0;
}

async function download(id: number): Promise<string> {
  const target = await mkdtemp(join(folder, 'download-'));
  await client.downloadArtifact(id, { path: target, skipDecompress: true });
  const [name = ''] = await readdir(target);
  return await readFile(join(target, name), 'utf8');
}

function startJob(name: string): JobCredentials {
  return github.startJob({ runId, name, permissions: { contents: 'read' }, claims: { sub: 'repo:acme/widget' } });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-github-'));
  issuer = await startIssuer();
  github = await startGitHub({ issuer });
  github.addRepository({ owner: 'acme', name: 'widget', id: '900100', ownerId: '800200' });
  const ref = { sha: 'a'.repeat(40), ref: 'refs/heads/main', event: 'push', workflowPath: '.github/workflows/r.yml' };
  runId = github.createRun({ repository: 'acme/widget', ...ref }).id;
  job = startJob('build');
  become(job);
});

afterAll(async () => {
  await github.close();
  await issuer.close();
  await rm(folder, { recursive: true });
});

describe('the artifact service, with the real client', () => {
  test('gives back what was uploaded, by id', async () => {
    const id = await upload('one.tar', 'the bytes');
    expect(await download(id)).toBe('the bytes');
    expect((await client.listArtifacts()).artifacts).toEqual([expect.objectContaining({ id, name: 'one.tar' })]);
  });

  test('takes uploads of more than one block', async () => {
    const text = 'x'.repeat(9 * 1024 * 1024);
    expect(await download(await upload('blocks.tar', text))).toBe(text);
  });

  test('refuses a second artifact of the same name, and gives a new id after a deletion', async () => {
    const id = await upload('twice.tar', 'first');
    await expect(upload('twice.tar', 'second')).rejects.toThrow('already exists');
    await client.deleteArtifact('twice.tar');
    expect(await upload('twice.tar', 'second')).not.toBe(id);
    await expect(download(id)).rejects.toThrow('No artifacts found');
  });

  test('lets a test change or swap the bytes behind an id', async () => {
    const id = await upload('victim.tar', 'aaaa');
    github.artifacts.tamper(id, 0);
    expect(await download(id)).toBe('`aaa');
    github.artifacts.replace(id, Buffer.from('swapped'));
    expect(await download(id)).toBe('swapped');
  });

  test('answers nothing to a token of a finished job', async () => {
    const other = startJob('other');
    become(other);
    expect((await client.listArtifacts()).artifacts.length).toBeGreaterThan(0);
    github.finishJob(other.jobId, 'success');
    await expect(client.listArtifacts()).rejects.toThrow('401');
    become(job);
  });

  test('logs method, path, status and job of each request', () => {
    const path = '/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact';
    expect(github.requests).toContainEqual({ method: 'POST', path, status: 200, job: 'build' });
    expect(JSON.stringify(github.requests)).not.toContain(job.runtimeToken);
  });
});
