import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { githubArtifacts } from '@paved/handoff';

/** The service names the file that is downloaded: whoever stored it may have chosen the name. */
let disposition: string;
let server: Server;
let root: string;
const before: Record<string, string | undefined> = {};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-hostile-'));
  server = createServer((request, response) => {
    request.resume();
    if (request.url === '/blob') {
      response.setHeader('content-disposition', disposition).setHeader('content-type', 'application/x-tar');
      response.end('bytes');
      return;
    }
    const artifact = { databaseId: '7', name: 'x.tar', workflowRunBackendId: 'run', workflowJobRunBackendId: 'job' };
    const signedUrl = `http://${request.headers.host}/blob`;
    const isList = request.url?.endsWith('/ListArtifacts') === true;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isList ? { artifacts: [{ ...artifact, size: '5' }] } : { signedUrl }));
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

describe('the name that the service gives a hand-over', () => {
  test.each([
    'attachment; filename="x.tar"',
    "attachment; filename*=UTF-8''x%0A::set-output name=path::evil",
    "attachment; filename*=UTF-8''x%0D%0A%C2%85::add-mask::e",
  ])('%j issues no command', async (header) => {
    disposition = header;
    const folder = await mkdtemp(join(root, 'target-'));
    let path = '';
    const printed = await printedBy(async () => {
      path = await githubArtifacts().download(7, join(folder, 'archive'));
    });
    expect(path.startsWith(join(folder, 'archive', 'x'))).toBe(true);
    expect(printed).toContain('SHA256 digest of downloaded artifact');
    expect(printed).not.toMatch(/^[\s\u0085]*::(?:set-output|add-mask::e)/m);
  });
});
