import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ArtifactService,
  githubArtifacts,
  receiveAll,
  receiveHandover,
  type SentHandover,
  sendHandover,
} from '@paved/handoff';
import { HttpClient } from '@paved/http';
import { type GitHubService, type Issuer, startGitHub, startIssuer } from '@paved/testkit';

let issuer: Issuer;
let github: GitHubService;
let root: string;
let count = 0;
const http = new HttpClient();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-handoff-'));
  for (const name of ['files', 'workspace', 'temp']) await mkdir(join(root, name));
  await writeFile(join(root, 'files', 'a.txt'), 'hello');
  issuer = await startIssuer();
  github = await startGitHub({ issuer });
  github.addRepository({ owner: 'acme', name: 'widget', id: '1', ownerId: '2' });
  const ref = { sha: 'a'.repeat(40), ref: 'refs/heads/main', event: 'push', workflowPath: 'w.yml' };
  const run = github.createRun({ repository: 'acme/widget', ...ref });
  const job = github.startJob({ runId: run.id, name: 'build', permissions: {}, claims: {} });
  process.env.ACTIONS_RUNTIME_TOKEN = job.runtimeToken;
  process.env.ACTIONS_RESULTS_URL = job.resultsUrl;
  process.env.GITHUB_SERVER_URL = 'https://github.com';
});

afterAll(async () => {
  http.close();
  await github.close();
  await issuer.close();
  await rm(root, { recursive: true });
});

/** As the runner says it at the time. */
function service(): ArtifactService {
  const { ACTIONS_RESULTS_URL: resultsUrl = '', ACTIONS_RUNTIME_TOKEN: runtimeToken = '' } = process.env;
  return githubArtifacts(() => ({ resultsUrl, runtimeToken, serverUrl: process.env.GITHUB_SERVER_URL ?? '' }), http);
}

function send(name: string): Promise<SentHandover> {
  return sendHandover({ path: join(root, 'files'), name, workFolder: join(root, 'temp') }, service());
}

async function receive(sent: Pick<SentHandover, 'artifactId' | 'digest'>): Promise<string> {
  const targetFolder = join(root, 'temp', `target-${count++}`);
  const { artifactId, digest } = sent;
  await receiveHandover({ artifactId, digest, targetFolder, workspace: join(root, 'workspace') }, service());
  return await readFile(join(targetFolder, 'a.txt'), 'utf8');
}

describe("a hand-over through GitHub's artifact service", () => {
  test('arrives, as a raw archive with the digest that the service shows', async () => {
    const sent = await send('plain');
    expect(await receive(sent)).toBe('hello');
    const [artifact] = github.artifacts.list().filter(({ id }) => id === sent.artifactId);
    expect(artifact).toMatchObject({ name: 'plain.tar', digest: sent.digest, mimeType: 'application/x-tar' });
  });

  test('is refused by name on a server that has no artifacts by id, and not on a tenant of ghe.com', async () => {
    const sent = await send('elsewhere');
    try {
      process.env.GITHUB_SERVER_URL = 'https://ghe.example';
      await expect(send('more')).rejects.toMatchObject({ code: 'HANDOFF_SERVER_UNSUPPORTED' });
      await expect(receive(sent)).rejects.toMatchObject({ code: 'HANDOFF_SERVER_UNSUPPORTED' });
      process.env.GITHUB_SERVER_URL = 'https://acme.ghe.com';
      expect(await receive(sent)).toBe('hello');
    } finally {
      process.env.GITHUB_SERVER_URL = 'https://github.com';
    }
  });

  test('is refused when one byte changed, and when the artifact was swapped with a digest to match', async () => {
    const sent = await send('victim');
    github.artifacts.tamper(sent.artifactId);
    await expect(receive(sent)).rejects.toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
    const other = await send('other');
    const [artifact] = github.artifacts.list().filter(({ id }) => id === other.artifactId);
    const bytes = Buffer.from(artifact?.bytes ?? []);
    bytes[600] = 1;
    github.artifacts.replace(other.artifactId, bytes, { redeclare: true });
    await expect(receive(other)).rejects.toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
  });

  test('is refused when the artifact is gone', async () => {
    const sent = await send('gone');
    github.artifacts.delete(sent.artifactId);
    await expect(receive(sent)).rejects.toMatchObject({ code: 'HANDOFF_MISSING' });
  });

  test('cannot be sent twice under one name', async () => {
    await send('once');
    await expect(send('once')).rejects.toMatchObject({ code: 'HANDOFF_TRANSFER_FAILED' });
  });
});

describe('every artifact of a name', () => {
  const all = async (prefix: string) => {
    const targetFolder = join(root, 'temp', `all-${count++}`);
    return await receiveAll({ prefix, targetFolder, workspace: join(root, 'workspace') }, service());
  };

  test('arrives, and nothing else', async () => {
    await send('leg-0');
    await send('leg-1');
    await send('leaf');
    const received = await all('leg-');
    expect(received.map(({ files }) => files)).toEqual([['a.txt'], ['a.txt']]);
    expect(await all('nobody-')).toEqual([]);
  });

  test('is refused when one byte changed', async () => {
    const sent = await send('shard-0');
    github.artifacts.tamper(sent.artifactId);
    await expect(all('shard-')).rejects.toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
  });
});
