import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { githubArtifacts, receiveHandover } from '@paved/handoff';
import { HttpClient } from '@paved/http';

/** The service names the file that is downloaded: whoever stored it may have chosen the name. */
let disposition = 'attachment; filename="x.tar"';
/** What it says of the artifact with id 7, and what it then sends. */
let stated: Record<string, unknown> = {};
let sends: (response: ServerResponse) => void;
const asked: string[] = [];
let taken = 0;
let server: Server;
let root: string;
const before: Record<string, string | undefined> = {};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-hostile-'));
  server = createServer((request, response) => {
    request.resume();
    asked.push(request.url ?? '');
    if (request.url === '/blob') {
      response.setHeader('content-disposition', disposition).setHeader('content-type', 'application/x-tar');
      sends(response);
      return;
    }
    const artifact = { databaseId: '7', name: 'x.tar', workflowRunBackendId: 'run', workflowJobRunBackendId: 'job' };
    const signedUrl = `http://${request.headers.host}/blob`;
    const isList = request.url?.endsWith('/ListArtifacts') === true;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(
        isList ? { artifacts: stated.none === true ? [] : [{ ...artifact, size: '5', ...stated }] } : { signedUrl },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const claims = Buffer.from(JSON.stringify({ scp: 'Actions.Results:run:job' })).toString('base64url');
  set('ACTIONS_RUNTIME_TOKEN', `e30.${claims}.e30`);
  set('ACTIONS_RESULTS_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  set('GITHUB_SERVER_URL', 'https://github.com');
});

afterAll(async () => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(root, { recursive: true });
});

function set(name: string, value: string): void {
  before[name] = process.env[name];
  process.env[name] = value;
}

async function printedBy(body: () => Promise<unknown>): Promise<string> {
  const printed: string[] = [];
  const own = process.stdout.write;
  process.stdout.write = ((chunk: string | Uint8Array) => printed.push(String(chunk)) > 0) as typeof own;
  try {
    await body();
  } finally {
    process.stdout.write = own;
  }
  return printed.join('');
}

beforeEach(() => {
  asked.length = 0;
  taken = 0;
  stated = {};
  sends = (response) => void response.end('bytes');
});

const http = new HttpClient({ retry: { attempts: 2, baseDelayMs: 1 } });
afterAll(() => http.close());

const service = () =>
  githubArtifacts(
    () => ({
      resultsUrl: process.env.ACTIONS_RESULTS_URL ?? '',
      runtimeToken: process.env.ACTIONS_RUNTIME_TOKEN ?? '',
      serverUrl: process.env.GITHUB_SERVER_URL ?? '',
    }),
    http,
  );

describe('the name that the service gives a hand-over', () => {
  test.each([
    'attachment; filename="x.tar"',
    "attachment; filename*=UTF-8''x%0A::set-output name=path::evil",
    "attachment; filename*=UTF-8''x%0D%0A%C2%85::add-mask::e",
    'attachment; filename="../../x"',
  ])('%j issues no command and chooses no place', async (header) => {
    disposition = header;
    const folder = await mkdtemp(join(root, 'target-'));
    let path = '';
    const printed = await printedBy(async () => {
      path = await service().download(7, join(folder, 'archive'), 1000);
    });
    expect(path).toBe(join(folder, 'archive', 'artifact'));
    expect(await readdir(folder, { recursive: true })).toEqual(['archive', 'archive/artifact']);
    expect(printed).not.toMatch(/^[\s\u0085]*::(?:set-output|add-mask::e)/m);
  });
});

describe('a hand-over that is too large', () => {
  const MAX_BYTES = 100_000;

  async function receive() {
    const folder = await mkdtemp(join(root, 'target-'));
    const workspace = join(folder, 'workspace');
    await mkdir(workspace);
    const options = { artifactId: 7, digest: sha256('bytes'), targetFolder: join(folder, 'files'), workspace };
    const error: unknown = await receiveHandover({ ...options, caps: { maxBytes: MAX_BYTES } }, service()).catch(
      (reason: unknown) => reason,
    );
    return { error, left: await readdir(folder) };
  }

  /** Sends as long as somebody takes it, up to 64 MiB, so that a missing limit ends as well. */
  function endless(response: ServerResponse): void {
    const chunk = Buffer.alloc(64 * 1024);
    const more = () => {
      while (!response.destroyed && taken < 64 * 1024 ** 2) {
        taken += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  }

  test.each([
    ['as text', { size: String(MAX_BYTES + 1) }],
    ['as a number', { size: MAX_BYTES + 1 }],
  ])('is not asked for when the service says so (%s)', async (_name, size) => {
    stated = size;
    const { error, left } = await receive();
    expect(error).toMatchObject({ code: 'HANDOFF_TOO_LARGE', hint: expect.stringContaining('max-bytes') });
    expect(asked.filter((path) => path === '/blob')).toEqual([]);
    expect(left).toEqual(['workspace']);
  });

  test.each([
    ['a smaller size', { size: '5' }],
    ['no size', { size: undefined }],
    ['no number', { size: '-1' }],
  ])('ends at the limit when the service says %s', async (_name, size) => {
    stated = size;
    sends = endless;
    const { error, left } = await receive();
    expect(error).toMatchObject({ code: 'HANDOFF_TOO_LARGE' });
    expect(taken).toBeLessThan(32 * 1024 ** 2);
    expect(asked.filter((path) => path === '/blob')).toHaveLength(1);
    expect(left).toEqual(['workspace']);
  });

  test('of exactly the limit is looked at (control)', async () => {
    stated = { size: String(MAX_BYTES) };
    sends = (response) => void response.end(Buffer.alloc(MAX_BYTES));
    expect((await receive()).error).toMatchObject({ code: 'HANDOFF_DIGEST_MISMATCH' });
  });
});

describe('an answer about an artifact', () => {
  const download = async () => await service().download(7, join(await mkdtemp(join(root, 'target-')), 'archive'), 1000);

  test.each([
    ['none', { none: true }],
    ['another one', { databaseId: '8' }],
  ])('of %s is a missing one', async (_name, artifact) => {
    stated = artifact;
    await expect(download()).rejects.toMatchObject({ code: 'HANDOFF_MISSING' });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['a status of failure', (response: ServerResponse) => void response.writeHead(403).end('no')],
    ['a connection that breaks', (response: ServerResponse) => void response.write('x', () => response.destroy())],
  ])('that ends in %s is a failed transfer', async (_name, send) => {
    sends = send;
    await expect(download()).rejects.toMatchObject({ code: 'HANDOFF_TRANSFER_FAILED' });
  });
});
