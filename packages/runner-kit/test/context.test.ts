import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { exec } from '../src/exec.js';
import { githubClient } from '../src/github.js';
import { escapeMarkdown } from '../src/index.js';
import { MAX_SUMMARY_BYTES, MarkdownSummary } from '../src/summary.js';
import { type TestContext, testContext } from '../src/testing.js';

let t: TestContext;
beforeAll(async () => {
  t = await testContext({ idToken: async (audience) => `token-for-${audience}` });
});
afterAll(() => t.dispose());

test('facts come from the environment, and an absent one says what to do', async () => {
  expect(t.context.runner).toMatchObject({ repository: 'octo/app', refProtected: true, temp: t.temp });
  const bare = await testContext({ facts: { sha: undefined, refProtected: false } });
  expect(() => bare.context.runner.sha).toThrow(expect.objectContaining({ code: 'RUNNER_FACT_MISSING' }));
  expect(bare.context.runner.optional('sha')).toBeUndefined();
  expect(bare.context.runner.refProtected).toBe(false);
  await bare.dispose();
});

test('work folders are fresh and private', async () => {
  const [one, two] = [await t.context.workDir(), await t.context.workDir()];
  expect(one).not.toBe(two);
  expect(one.startsWith(join(t.temp, 'paved/test-action/'))).toBe(true);
  expect((await stat(one)).mode & 0o777).toBe(0o700);
});

test('the token of the test is masked', async () => {
  expect(await t.context.idToken('sigstore')).toBe('token-for-sigstore');
  expect(t.masked).toContain('token-for-sigstore');
});

describe('events', () => {
  test('are lines under the published schema, one file per run', async () => {
    const schema = JSON.parse(
      await readFile(new URL('../../../docs/schemas/event.schema.json', import.meta.url), 'utf8'),
    );
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
    t.context.events.emit({ stage: 'sign', event: 'certificate-issued', durationMs: 12.4, signerIdentity: 'x' });
    t.context.events.emit({ stage: 'scan', event: 'gated', findingsBySeverity: { critical: 1 }, ids: ['a', 'b'] });
    const events = await t.events();
    expect(events).toHaveLength(2);
    for (const event of events) expect([validate(event), validate.errors]).toEqual([true, null]);
    expect(events[0]).toMatchObject({ action: 'test-action', durationMs: 12 });
    expect(t.context.events.path).toBe(join(t.temp, 'paved/events/test-action-1.jsonl'));
    // The schema goes red.
    expect(validate({ ...events[0], durationMs: -1 })).toBe(false);
    expect(validate({ ...events[0], nested: { deep: {} } })).toBe(false);
  });

  test.each([
    { stage: 'Sign', event: 'x' },
    { stage: 'sign', event: 'x y' },
    { stage: 'sign', event: 'x', at: 'now' },
    { stage: 'sign', event: 'x', action: 'other' },
    { stage: 'sign', event: 'x', 'bad-name': 1 },
  ])('%j is refused', (fields) => {
    expect(() => t.context.events.emit(fields)).toThrow(expect.objectContaining({ code: 'EVENT_INVALID' }));
  });
});

describe('summary', () => {
  test.each([
    ['# x', /^#/],
    ['- x', /^-/],
    ['1. x', /^1\./],
    ['a | b', /\|/],
    ['`x`', /`/],
    ['**x**', /\*/],
    ['[x](y)', /[[\]()]/],
    ['<b>&amp;', /<|&amp;/],
    ['@mona', /@/],
    ['https://evil.example', /:\/\//],
    ['www.evil.example', /www\./],
    ['a\nb', /\n/],
    ['a\u202eb\u200bc', /\u202e|b\u200bc/],
    ['$x$', /\$/],
    [':+1:', /^:/],
    ['GH-12', /GH-/],
    ['~~x~~', /~/],
    ['\\*', /\\/],
  ])('%j is plain text', (text, markup) => {
    expect(escapeMarkdown(text)).not.toMatch(markup);
  });

  test('a digest stays whole, so that it can be copied', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    expect(escapeMarkdown(digest)).toBe(digest);
  });

  test('a table', () => {
    expect(new MarkdownSummary().table(['Name', 'Digest'], [['a|b', 'x'], ['c']]).text()).toBe(
      '\n| Name | Digest |\n| --- | --- |\n| a&#124;b | x |\n| c |  |\n',
    );
  });

  test('stays below 1 MiB with a notice, also inside details', () => {
    const rows = Array.from({ length: 3000 }, (_, index) => [`${index} ${'é'.repeat(400)}`]);
    const text = new MarkdownSummary().table(['x'], rows).text();
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_SUMMARY_BYTES);
    expect(text.endsWith('_The summary was cut here: it reached the limit of 1 MiB._\n')).toBe(true);
    const folded = new MarkdownSummary().details('more', (inner) => inner.table(['x'], rows)).text();
    expect(folded).toContain('The summary was cut here');
    expect(folded.trimEnd().endsWith('</details>')).toBe(true);
  });
});

describe('exec', () => {
  const run = (args: readonly string[], more: object = {}) =>
    exec({ command: process.execPath, args, env: { ONLY: 'this' }, cwd: t.workspace, ...more });

  test('passes arguments as they are, the given environment alone, and returns any status', async () => {
    const script = 'console.log(JSON.stringify([process.argv.slice(1), process.env])); process.exit(3)';
    const result = await run(['-e', script, '--', 'a b', '$(id)', '"; rm', '']);
    expect(result.exitStatus).toBe(3);
    expect(JSON.parse(result.stdout)).toEqual([['a b', '$(id)', '"; rm', ''], { ONLY: 'this' }]);
  });

  test('keeps a bounded part of the output and shows all of it to the listener', async () => {
    let seen = 0;
    const result = await run(['-e', 'process.stdout.write("x".repeat(300000))'], {
      maxOutputBytes: 10,
      onOutput: (chunk: Buffer) => {
        seen += chunk.length;
      },
    });
    expect(result).toMatchObject({ stdout: 'x'.repeat(10), truncated: true });
    expect(seen).toBe(300_000);
  });

  test('writes the input', async () => {
    expect((await run(['-e', 'process.stdin.pipe(process.stdout)'], { input: Buffer.from('abc') })).stdout).toBe('abc');
  });

  test('works from a path with spaces', async () => {
    const folder = join(t.workspace, 'a folder');
    await mkdir(folder);
    await symlink(process.execPath, join(folder, 'node'));
    expect((await run(['-e', 'console.log(1)'], { command: join(folder, 'node') })).stdout).toBe('1\n');
    const looked = await run(['-e', 'console.log(2)'], { command: 'node', env: { PATH: `relative:${folder}` } });
    expect(looked.stdout).toBe('2\n');
  });

  test.each(['./program', 'sub/program', 'no-such-program', 'program'])(
    '%j is not looked up from the working folder',
    async (command) => {
      await writeFile(join(t.workspace, 'program'), '#!/bin/sh\necho evil\n');
      await chmod(join(t.workspace, 'program'), 0o755);
      await expect(run([], { command, env: { PATH: '.:' } })).rejects.toMatchObject({ code: 'EXEC_COMMAND_INVALID' });
    },
  );
});

describe('GitHub client', () => {
  async function server(answer: (port: number, path: string) => { status: number; location?: string; body?: string }) {
    const seen: { path: string; authorization: string | undefined }[] = [];
    const http = createServer((request, response) => {
      const { port } = http.address() as AddressInfo;
      seen.push({ path: request.url ?? '', authorization: request.headers.authorization });
      const { status, location, body } = answer(port, request.url ?? '');
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(location === undefined ? {} : { location }),
      });
      response.end(body ?? '{}');
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    return { seen, url: `http://127.0.0.1:${port}`, close: () => http.close() };
  }

  test('sends the token to the API alone', async () => {
    const other = await server(() => ({ status: 200 }));
    const api = await server((_port, path) =>
      path.includes('away') ? { status: 302, location: `${other.url}/stolen` } : { status: 200, body: '{"id":7}' },
    );
    try {
      const client = githubClient({ apiUrl: api.url, token: 'canary', http: t.context.http });
      expect((await client.request('GET /repos/{owner}/{repo}', { owner: 'o', repo: 'r' })).data).toEqual({ id: 7 });
      expect(api.seen[0]).toEqual({ path: '/repos/o/r', authorization: 'token canary' });
      await expect(client.request('GET /away')).rejects.toThrow('Cannot call the API');
      await expect(client.request(`GET ${other.url}/x`)).rejects.toThrow('Cannot call the API');
      expect(other.seen).toEqual([]);
    } finally {
      api.close();
      other.close();
    }
  });
});
