import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { pack } from 'tar-stream';
import { type TestContext, testContext } from '../src/testing.js';
import { fetchLockedTool, type LockedTool, readToolLock } from '../src/tools.js';
import { type Loopback, startCache, startReleases } from './loopback-services.js';
import { createTar } from './poisoned-entry.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = Buffer.from('#!/bin/sh\necho probe\n');
const PATH = 'o/probe/releases/download/v1/probe';

async function tarball(
  entries: readonly { name: string; type?: 'file' | 'symlink'; linkname?: string }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, type = 'file', linkname } of entries) {
    if (type === 'file') archive.entry({ name }, PROGRAM);
    else archive.entry({ name, type, linkname: linkname ?? '' });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

function locked(bytes: Buffer, change: Partial<LockedTool> = {}): LockedTool {
  return {
    tool: 'probe',
    version: '1',
    platform: 'linux/amd64',
    path: PATH,
    sha256: sha256(bytes),
    agreement: 2,
    ...change,
  };
}

const assets = new Map<string, Buffer>();
let t: TestContext;
let releases: Loopback;
beforeAll(async () => {
  t = await testContext();
  releases = await startReleases(assets);
});
afterAll(async () => {
  releases.close();
  await t.dispose();
});

function fetchTool(tools: readonly LockedTool[], name = 'probe') {
  return fetchLockedTool(t.context, { name, platform: 'linux/amd64', lock: { tools }, baseUrl: new URL(releases.url) });
}

test('the lock of the repository is readable, and two sources agree on each digest', async () => {
  const { tools } = await readToolLock(join(ROOT, 'tools.lock.json'));
  expect(tools.map(({ tool, platform }) => `${tool} ${platform}`)).toEqual(
    [...new Set(tools.map(({ tool, platform }) => `${tool} ${platform}`))].sort(),
  );
  for (const { agreement } of tools) expect(agreement).toBeGreaterThanOrEqual(2);
});

test('a program as it is served', async () => {
  assets.set(PATH, PROGRAM);
  const tool = await fetchTool([locked(PROGRAM)]);
  expect(tool).toMatchObject({ version: '1', digest: sha256(PROGRAM), assetDigest: sha256(PROGRAM) });
  expect(await readdir(dirname(tool.path))).toEqual(['probe']);
  expect((await stat(tool.path)).mode & 0o777).toBe(0o500);
});

test('a program inside an archive, and nothing else of it', async () => {
  const bytes = await tarball([{ name: 'LICENSE' }, { name: '../../escape' }, { name: './bin/probe' }]);
  assets.set(PATH, bytes);
  const tool = await fetchTool([locked(bytes, { executable: 'bin/probe' })]);
  expect(await readFile(tool.path)).toEqual(PROGRAM);
  expect(tool).toMatchObject({ digest: sha256(PROGRAM), assetDigest: sha256(bytes) });
  expect(await readdir(dirname(tool.path))).toEqual(['probe']);
});

describe('refusals', () => {
  test('one changed byte', async () => {
    assets.set(PATH, Buffer.from(`${PROGRAM} `));
    await expect(fetchTool([locked(PROGRAM)])).rejects.toMatchObject({ code: 'TOOL_DIGEST_MISMATCH' });
  });

  test.each([
    ['one source', [locked(PROGRAM, { agreement: 1 })], 'TOOL_UNCONFIRMED'],
    ['another tool', [locked(PROGRAM, { tool: 'other' })], 'TOOL_UNKNOWN'],
    ['another platform', [locked(PROGRAM, { platform: 'linux/arm64' })], 'TOOL_UNKNOWN'],
    ['two entries', [locked(PROGRAM), locked(PROGRAM)], 'TOOL_UNKNOWN'],
    ['no such asset', [locked(PROGRAM, { path: 'o/none' })], 'HTTP_STATUS'],
  ])('%s', async (_name, tools, code) => {
    await expect(fetchTool(tools)).rejects.toMatchObject({ code });
  });

  test.each([
    ['no such member', [{ name: 'other' }]],
    ['the member twice', [{ name: 'probe' }, { name: 'probe' }]],
    ['a link in its place', [{ name: 'probe', type: 'symlink', linkname: '/bin/sh' }]],
  ] as const)('%s', async (_name, entries) => {
    const bytes = await tarball(entries);
    assets.set(PATH, bytes);
    await expect(fetchTool([locked(bytes, { executable: 'probe' })])).rejects.toMatchObject({
      code: 'TOOL_ARCHIVE_INVALID',
    });
  });

  test('an archive that is none, or is cut', async () => {
    const cut = (await tarball([{ name: 'probe' }])).subarray(0, 60);
    for (const bytes of [PROGRAM, cut]) {
      assets.set(PATH, bytes);
      await expect(fetchTool([locked(bytes, { executable: 'probe' })])).rejects.toMatchObject({
        code: 'TOOL_ARCHIVE_INVALID',
      });
    }
  });

  test.each([
    ['media type', { mediaType: 'other' }],
    ['path that leaves', { path: 'o/../../x' }],
    ['absolute URL', { path: 'https://evil.example/x' }],
    ['protocol-relative', { path: '//evil.example/x' }],
    ['digest', { sha256: 'abc' }],
    ['name', { tool: '../x' }],
  ])('a lock with a wrong %s', async (_name, change) => {
    const entry = { ...locked(PROGRAM), sha256: digestHex(sha256(PROGRAM)), ...change };
    const path = join(t.temp, 'lock.json');
    await writeFile(
      path,
      JSON.stringify({ mediaType: 'application/vnd.paved.tools-lock.v1+json', tools: [entry], ...change }),
    );
    await expect(readToolLock(path)).rejects.toMatchObject({ code: 'TOOL_LOCK_INVALID' });
  });
});

describe('with the cache', () => {
  const entries = new Map<string, Buffer>();
  let cache: Loopback;
  let base: string;
  beforeAll(async () => {
    cache = await startCache(entries);
    base = await mkdtemp(join(tmpdir(), 'paved-tool-'));
    await mkdir(join(base, 'temp'));
    const entry = { ...locked(PROGRAM), sha256: digestHex(sha256(PROGRAM)) };
    const lock = { mediaType: 'application/vnd.paved.tools-lock.v1+json', tools: [entry] };
    await writeFile(join(base, 'lock.json'), JSON.stringify(lock));
    assets.set(PATH, PROGRAM);
  });
  afterAll(async () => {
    cache.close();
    await rm(base, { recursive: true });
  });

  async function run(): Promise<{ status: number | null; stdout: string; output: string }> {
    releases.seen.length = 0;
    cache.seen.length = 0;
    await writeFile(join(base, 'output'), '');
    const child = spawn(process.execPath, [fileURLToPath(new URL('./fixtures/tool/main.mjs', import.meta.url))], {
      env: {
        PATH: process.env.PATH ?? '',
        GITHUB_WORKSPACE: base,
        RUNNER_TEMP: join(base, 'temp'),
        GITHUB_OUTPUT: join(base, 'output'),
        GITHUB_SERVER_URL: 'https://github.com',
        ACTIONS_RESULTS_URL: cache.url,
        ACTIONS_CACHE_SERVICE_V2: 'True',
        ACTIONS_RUNTIME_TOKEN: 'runtime-token',
        INPUT_LOCK: 'lock.json',
        INPUT_SERVER: releases.url,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { status, stdout, output: await readFile(join(base, 'output'), 'utf8') };
  }

  test('the first job downloads and saves, the second restores and hashes, a poisoned entry is refused', async () => {
    const first = await run();
    expect([first.status, releases.seen]).toEqual([0, [`GET /${PATH}`]]);
    expect(
      cache.seen.map((line) =>
        line
          .split('/')
          .at(-1)
          ?.replace(/^paved-tool-.*/, 'blob'),
      ),
    ).toEqual(['GetCacheEntryDownloadURL', 'CreateCacheEntry', 'blob', 'FinalizeCacheEntryUpload']);

    const second = await run();
    expect([second.status, releases.seen]).toEqual([0, []]);
    expect(second.stdout).toContain('Took probe 1 from the cache');
    expect(second.output).toContain(sha256(PROGRAM));

    // Another job of the branch saved other bytes under the same key.
    const [name] = [...entries.keys()];
    const saved = join(base, 'temp/paved/tools', digestHex(sha256(PROGRAM)));
    await mkdir(saved, { recursive: true });
    await writeFile(join(saved, 'asset'), '#!/bin/sh\necho evil\n');
    entries.set(name ?? '', await createTar(base, join(saved, 'asset')));
    const third = await run();
    expect([third.status, third.output]).toEqual([1, '']);
    expect(third.stdout).toContain('::error::TOOL_DIGEST_MISMATCH: Cannot use probe 1 from the cache');
    expect(releases.seen).toEqual([]);
  });
});
