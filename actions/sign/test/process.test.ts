import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { githubClaims, type SigstoreFault } from '@paved/testkit';
import { CLAIMS, type Instance, startInstance, WORKFLOW, WORKFLOW_SHA } from './scenario.js';

/** What users run; nothing of it is loaded into this process. */
const BUNDLE = fileURLToPath(new URL('../../../dist/sign/index.js', import.meta.url));
const REQUEST_TOKEN = 'request-token-of-a-test';

let instance: Instance;
let tokens: string[];
let endpoint: { readonly url: string; close(): Promise<void> };
let root: string;
beforeAll(async () => {
  instance = await startInstance();
  endpoint = await startTokenEndpoint();
});
afterAll(async () => {
  await Promise.all([endpoint.close(), instance.close()]);
});
beforeEach(async () => {
  tokens = [];
  root = await mkdtemp(join(tmpdir(), 'paved-sign-'));
  for (const folder of ['workspace/out', 'temp']) await mkdir(join(root, folder), { recursive: true });
  for (let index = 0; index < 12; index++) await writeFile(join(root, 'workspace/out', `f${index}`), `file ${index}`);
});
afterEach(async () => {
  for (const service of ['fulcio', 'rekor', 'tsa'] as const) delete instance.sigstore.faults[service];
  await rm(root, { recursive: true });
});

async function startTokenEndpoint(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const audience = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('audience') ?? '';
    void instance.issuer.sign(githubClaims(CLAIMS), { audience }).then((value) => {
      tokens.push(value);
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ value }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/token?version=2`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** Everything that the run said or wrote, its own inputs left out. */
  readonly channels: string;
  /** Files that are there afterwards, relative. */
  readonly files: readonly string[];
}

async function start(inputs: Readonly<Record<string, string>>): Promise<Run> {
  const { fulcioUrl, rekorUrl, tsaUrl, trustedRoot } = instance.sigstore;
  const values = {
    ...{ 'fulcio-url': fulcioUrl, 'rekor-url': rekorUrl, 'tsa-url': tsaUrl, 'trusted-root': trustedRoot },
    ...{ 'expected-workflow-path': WORKFLOW, 'expected-workflow-sha': WORKFLOW_SHA, blobs: 'out/*', ...inputs },
  };
  const channelFiles = ['output', 'state', 'summary', 'env'].map((name) => join(root, name));
  for (const path of channelFiles) await writeFile(path, '');
  const [output, state, summary, env] = channelFiles as [string, string, string, string];
  const child = spawn(process.execPath, [BUNDLE], {
    cwd: join(root, 'workspace'),
    env: {
      ...FACTS,
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...{ GITHUB_WORKSPACE: join(root, 'workspace'), RUNNER_TEMP: join(root, 'temp'), RUNNER_DEBUG: '1' },
      ...{ GITHUB_OUTPUT: output, GITHUB_STATE: state, GITHUB_STEP_SUMMARY: summary, GITHUB_ENV: env },
      ...{ ACTIONS_ID_TOKEN_REQUEST_URL: endpoint.url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const status = await new Promise<number | null>((done) => child.on('close', done));
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  // The runner takes masks out of its log; everything else in it is shown.
  const shown = stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const files = paths.map((path) => path.slice(root.length + 1)).sort();
  return { status, stdout, channels: [...shown, stderr, ...texts].join('\n'), files };
}

const FACTS = {
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'octo/app',
  GITHUB_REPOSITORY_ID: '1001',
  GITHUB_REPOSITORY_OWNER_ID: '2002',
  GITHUB_SHA: 'a'.repeat(40),
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_ID: '3003',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_SERVER_URL: 'https://github.com',
  RUNNER_ENVIRONMENT: 'github-hosted',
};

/** What a failed run may leave: what was there, and what the runner reads. */
const EXPECTED = /^(workspace\/out\/f\d+|output|state|summary|env|temp\/paved\/events\/[\w-]+\.jsonl)$/;

/** One annotation with the code, no output, and nothing half done. */
function expectRefused(run: Run, code: string): void {
  expect(run.stdout.match(/^::error[^:]*::.*$/gm)).toEqual([
    expect.stringMatching(new RegExp(`^::error::${code}: Cannot `)),
  ]);
  expect(run.status).toBe(1);
  expect(run.files.filter((name) => !EXPECTED.test(name))).toEqual([]);
}

function expectNoSecret({ channels }: Run, secrets: readonly string[]): void {
  for (const secret of secrets) {
    // Any piece of it would help to find the rest.
    for (let from = 0; from + 24 <= secret.length; from += 8) {
      expect(channels.includes(secret.slice(from, from + 24))).toBe(false);
    }
  }
}

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' });
const KEY = pem.toString();
const KEY_BODY = KEY.split('\n').slice(1, -2).join('').slice(40);
const echo = (body: string) => body;

function fault(service: 'fulcio' | 'rekor' | 'tsa', given: SigstoreFault): undefined {
  instance.sigstore.faults[service] = given;
}

describe('the bundle, as the runner starts it', () => {
  test('control: signs, and shows neither token nor key', async () => {
    const run = await start({});
    expect(run.status).toBe(0);
    expect(run.files.filter((name) => name.endsWith('.sigstore.json') && name.startsWith('workspace/'))).toHaveLength(
      12,
    );
    // The parts of a token that everybody may know stand in the certificate; its signature does not.
    expectNoSecret(run, [...tokens.map((token) => token.split('.')[2] ?? ''), REQUEST_TOKEN]);
  });

  test.each<[string, string, () => Record<string, string> | undefined]>([
    ['FULCIO_UNAVAILABLE', 'Fulcio down', () => ({ 'fulcio-url': 'http://127.0.0.1:9' })],
    ['FULCIO_UNAVAILABLE', 'Fulcio 503 that echoes', () => fault('fulcio', { status: 503, body: echo })],
    ['FULCIO_REFUSED', 'Fulcio 400 that echoes', () => fault('fulcio', { status: 400, body: echo })],
    ['REKOR_UNAVAILABLE', 'Rekor down', () => ({ 'rekor-url': 'http://127.0.0.1:9' })],
    ['REKOR_UNAVAILABLE', 'Rekor 502', () => fault('rekor', { status: 502, body: echo })],
    ['REKOR_REFUSED', 'Rekor 400 that echoes', () => fault('rekor', { status: 400, body: echo })],
    ['TSA_UNAVAILABLE', 'a timestamp authority that is down', () => ({ 'tsa-url': 'http://127.0.0.1:9' })],
    ['TSA_ANSWER_INVALID', 'a timestamp authority that echoes', () => fault('tsa', { status: 200, body: echo })],
  ])('%s: %s', async (code, _name, prepare) => {
    const inputs = prepare() ?? {};
    const run = await start(inputs);
    expectRefused(run, code);
    expect(tokens.length).toBeGreaterThan(0);
    expectNoSecret(run, [...tokens, REQUEST_TOKEN]);
  });

  test.each<[string, string, () => Record<string, string>]>([
    [
      'REKOR_UNAVAILABLE',
      'a log that fails',
      () => {
        instance.sigstore.faults.rekor = { status: 502, body: echo };
        return { key: KEY };
      },
    ],
    ['KEY_MALFORMED', 'a key that is cut off', () => ({ key: KEY.slice(0, 150) })],
    ['KEY_MALFORMED', 'a key with a typing error', () => ({ key: KEY.replace('PRIVATE KEY', 'PRIVATE KEYS') })],
  ])('%s with a key: %s', async (code, _name, prepare) => {
    const run = await start({
      ...{ instance: 'key', 'expected-workflow-path': '', 'expected-workflow-sha': '' },
      'fulcio-url': '',
      'key-password': 'password-of-a-canary-test',
      ...prepare(),
    });
    expectRefused(run, code);
    expect(tokens).toHaveLength(0);
    expectNoSecret(run, [KEY_BODY, 'password-of-a-canary-test']);
  });
});

describe('a full disk', () => {
  test.each(['temp', 'workspace/out'])('%s: WRITE_FAILED, and no part of a bundle stays', async (folder) => {
    const path = join(root, folder);
    if (!mountSmallDisk(path)) return;
    try {
      if (folder !== 'temp') {
        for (let index = 0; index < 12; index++) await writeFile(join(path, `f${index}`), `file ${index}`);
      }
      const run = await start({});
      expectRefused(run, 'WRITE_FAILED');
      expect(await readFile(join(root, 'output'), 'utf8')).toBe('');
      expectNoSecret(run, tokens);
    } finally {
      execFileSync('umount', [path]);
    }
  });
});

/** Needs the right to mount; without it the test says so and stops. */
function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', path], { stdio: 'pipe' });
    return true;
  } catch {
    process.stderr.write('skipped: a small disk cannot be mounted here\n');
    return false;
  }
}
