import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { startAction } from './start-action.js';

test('a run that succeeds writes its outputs and ends with status 0', async () => {
  const run = await startAction({ mode: 'ok' });
  expect(run.status).toBe(0);
  expect(run.output).toMatch(/^result<<ghadelimiter_[-0-9a-f]{36}\nfine\nghadelimiter_[-0-9a-f]{36}\n$/);
  expect(run.errors).toEqual([]);
});

test('an undefined output is not written', async () => {
  const run = await startAction({ mode: 'undefined' });
  expect(run.output).toMatch(/^verdict-path<<\S+\nhere\n\S+\n$/);
});

test('a value cannot end its own output and begin another', async () => {
  const text = 'a\nghadelimiter_\nEOF\nverdict-path<<EOF\nevil\nEOF\nverdict-path=evil';
  const run = await startAction({ mode: 'ok', text });
  const delimiter = /^result<<(\S+)\n/.exec(run.output)?.[1] ?? '';
  expect(run.output).toBe(`result<<${delimiter}\n${text}\n${delimiter}\n`);
});

describe('a run that fails prints one annotation, no output, and ends with status 1', () => {
  test.each([
    [
      'missing input',
      {},
      'INPUT_MISSING: Cannot run without input "mode": it is required and empty\nAdd "mode:" under "with:" of the step',
    ],
    ['typed error', { mode: 'fail', text: 'x' }, 'INPUT_INVALID: Cannot use x\nDo not use x'],
    [
      'unknown output',
      { mode: 'unknown' },
      'OUTPUT_UNKNOWN: Cannot set output "nope": action "probe" does not declare it',
    ],
    [
      'output that is no text',
      { mode: 'number' },
      'OUTPUT_INVALID: Cannot set output "result": it is not plain text of at most 256 KiB',
    ],
    [
      'refusal with a wrong output',
      { mode: 'refuse-wrong' },
      'OUTPUT_UNKNOWN: Cannot set output "nope": action "probe" does not declare it',
    ],
    [
      'thrown text',
      { mode: 'string' },
      'INTERNAL: a thrown string\nThis is a defect of paved: report it with the log of this step',
    ],
    [
      'an await that never settles',
      { mode: 'hang' },
      'INTERNAL: Cannot finish action "probe": it waits for nothing\nThis is a defect of paved: report it with the log of this step',
    ],
    [
      'late failure',
      { mode: 'later' },
      'INTERNAL: a late failure\nThis is a defect of paved: report it with the log of this step',
    ],
  ])('%s', async (_name, inputs, message) => {
    const run = await startAction(inputs);
    expect(run.errors).toEqual([message]);
    expect(run.output).toBe('');
    expect(run.status).toBe(1);
  });

  test('a defect, with its stack where no command is processed', async () => {
    const run = await startAction({ mode: 'defect' });
    expect(run.status).toBe(1);
    expect(run.errors).toEqual([expect.stringContaining('INTERNAL: Cannot read properties of undefined')]);
    expect(run.stdout).toMatch(/::stop-commands::(\S+)\nTypeError[\s\S]*\n::\1::\n/);
  });
});

test('a refusal writes its outputs and fails', async () => {
  const run = await startAction({ mode: 'refuse' });
  expect(run.status).toBe(1);
  expect(run.errors).toEqual(['GATE_REFUSED: Cannot release: 2 findings\nFix them']);
  expect(run.output).toMatch(/^verdict-path<<(\S+)\n\/v\.json\n\1\n$/);
});

describe('hostile text', () => {
  test.each([
    '\n::set-output name=result::evil',
    '\r\n::error::evil',
    '  ::add-mask::e',
    'x ##[add-mask]e',
    '\u2028::error::evil',
    '\n\u0085::set-output name=result::evil',
    '\n\u200b \u0085\ufeff::error::evil',
  ])('%j issues no command', async (text) => {
    const run = await startAction({ mode: 'log', text: `a${text}` });
    expect(run.status).toBe(0);
    // Between stop-commands and its token the runner reads nothing.
    const read = run.stdout.replaceAll(/::stop-commands::(\S+)\n[\s\S]*?\n::\1::\n/g, '');
    // What the runner trims is .NET's white space, U+0085 included; JavaScript's is another.
    expect(read).not.toMatch(/^[\s\u0085\p{Cf}]*::(set-output|error|add-mask)|##\[/mu);
  });

  test('of an error is one short line', async () => {
    const run = await startAction({ mode: 'fail', text: `a\u202eb\n::warning::c${'x'.repeat(20_000)}` });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.split('\n')).toHaveLength(2);
    expect(run.errors[0]?.length).toBeLessThan(4096);
    expect(run.stdout).not.toContain('\u202e');
    expect(run.stdout).not.toMatch(/^::warning/m);
  });

  test('in the summary is text', async () => {
    const run = await startAction({ mode: 'log', text: '![x](https://evil.example/i.png) <img src=x> @org/team | #1' });
    expect(run.summary).not.toMatch(/!\[|<img|@org|(?<!&)#1|https:\/\//);
  });
});

test.each(['canary-5f2a"&<b>', '-----BEGIN KEY-----\ncanaryline1\ncanaryline2=/+\n-----END KEY-----'])(
  'the secret %j shows up nowhere',
  async (token) => {
    const run = await startAction({ mode: 'leak', token });
    expect(run.status).toBe(1);
    const shown = run.stdout.replaceAll(/^::add-mask::.*$/gm, '') + run.stderr + run.output + run.summary + run.events;
    expect(shown).toContain('thrown ***');
    expect(shown).toContain('in environment: no');
    for (const line of token.split('\n').filter((part) => part.includes('canary'))) {
      for (const form of [line, encodeURIComponent(line), JSON.stringify(line).slice(1, -1)])
        expect(shown).not.toContain(form);
      expect(run.stdout).toContain(`::add-mask::${line}\n`);
    }
    expect(shown).not.toContain(Buffer.from(token).toString('base64'));
  },
);

test('an output with a secret in it fails instead of vanishing', async () => {
  const run = await startAction({ mode: 'leak-output', token: 'canary-5f2a' });
  expect(run.errors).toEqual([expect.stringContaining('OUTPUT_SECRET: Cannot set output "result"')]);
  expect(run.output).toBe('');
});

describe('the OIDC token', () => {
  test('without the permission', async () => {
    const run = await startAction({ mode: 'token', audience: 'sigstore' });
    expect(run.errors).toEqual([
      expect.stringMatching(/^ID_TOKEN_UNAVAILABLE: .*\nAdd "permissions: id-token: write" to the job/),
    ]);
  });

  test('is asked for with its audience, and masked', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url, request.headers.authorization);
      response.setHeader('content-type', 'application/json').end('{"value":"header.payload.signature"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const run = await startAction(
        { mode: 'token', audience: 'a b&c' },
        {
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?v=2`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token-canary',
        },
      );
      expect(run.status).toBe(0);
      expect(seen).toEqual(['/token?v=2&audience=a%20b%26c', 'Bearer request-token-canary']);
      expect(run.stdout).toContain('token ***');
      expect(run.stdout.replaceAll(/^::add-mask::.*$/gm, '')).not.toMatch(/header\.payload|request-token-canary/);
    } finally {
      server.close();
    }
  });
});

describe('paths', () => {
  test("inside GitHub Actions stay in workspace and temporary folder; in a shell they are the user's own", async () => {
    const inside = await startAction({ mode: 'ok', path: '/etc/hostname' });
    expect(inside.errors).toEqual([expect.stringMatching(/^INPUT_PATH_OUTSIDE: /)]);
    const shell = await startAction({ mode: 'ok', path: '/etc/hostname' }, { GITHUB_ACTIONS: '' });
    expect(shell).toMatchObject({ status: 0, errors: [] });
  });
});
