import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { defineAction, input, output } from '@paved/runner-kit';
import { catalogJson } from '@paved/toolchain';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const probe = defineAction({
  name: 'probe',
  purpose: 'Shows what it was given',
  inputs: {
    mode: input.choice(['pass', 'refuse', 'quiet', 'hang'], { description: 'What to answer', required: true }),
    reports: input.paths({ description: 'Reports' }),
    'max-age': input.duration({ description: 'Age', default: '24h' }),
    token: input.secret({ description: 'A token' }),
    registry: input.string({ description: 'Host of a registry' }),
    'registry-config': input.path({ description: 'Sign-ins' }),
  },
  outputs: { 'report-path': output('What was seen'), text: output('Some text') },
  permissions: {},
  hosts: [],
  writes: [],
  example: '',
  post: true,
});

/** Only listed: its bundle is not there. */
const inner = defineAction({ ...probe, name: 'inner', purpose: 'Is a part of a workflow', internal: true });

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
beforeAll(async () => {
  // The command looks beside itself for catalog and bundles: a copy of it with a bundle of our own.
  folder = await realpath(await mkdtemp(join(tmpdir(), 'paved-cli-')));
  await cp(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  await mkdir(join(folder, 'dist/probe'), { recursive: true });
  await writeFile(join(folder, 'dist/package.json'), '{"type":"module"}');
  await cp(join(ROOT, 'test/fixtures/cli/probe.mjs'), join(folder, 'dist/probe/index.js'));
  await cp(join(ROOT, 'test/fixtures/cli/probe-post.mjs'), join(folder, 'dist/probe/post.js'));
  await writeFile(
    join(folder, 'action-catalog.json'),
    catalogJson([probe, inner].map((definition) => ({ definition, bundles: [] }))),
  );
});
afterAll(() => rm(folder, { recursive: true }));

function paved(
  args: readonly string[],
  more: { env?: Record<string, string>; stdin?: string; node?: string } = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(more.node ?? process.execPath, [join(folder, 'bin/paved.mjs'), ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', TMPDIR: folder, ...more.env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(more.stdin ?? '');
  });
}

test('prints one JSON document with the outputs and the documents they name', async () => {
  const { status, stdout, stderr } = await paved([
    'probe',
    '--mode',
    'pass',
    '--reports',
    'a.json',
    'b.json',
    '--json',
  ]);
  expect(status).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ ok: true, action: 'probe', exitStatus: 0, outputs: { text: 'two\nlines' } });
  expect(result.documents['report-path']).toEqual({
    seen: { INPUT_MODE: 'pass', INPUT_REPORTS: 'a.json\nb.json' },
    workspace: folder,
  });
  expect(stderr).toContain('Files are kept in ');
  expect(stderr).toContain('post by main');
});

test('a verdict that says no has the outputs, its code and the status of the action', async () => {
  const { status, stdout } = await paved(['--json', 'probe', '--mode=refuse']);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    exitStatus: 1,
    outputs: { text: 'two\nlines' },
    error: { code: 'GATE_REFUSED', message: 'Cannot release', hint: 'Fix it' },
  });
});

test('text for people', async () => {
  const { stdout } = await paved(['probe', '--mode', 'pass']);
  expect(stdout).toMatch(/^report-path: .*report\.json\ntext: two\nlines\nprobe: passed\n$/);
});

describe('tables for people', () => {
  type Table = (action: string, read: (output: string) => unknown) => string;
  let tableOf: Table;
  beforeAll(async () => {
    ({ tableOf } = (await import('../bin/paved/table.mjs' as string)) as { tableOf: Table });
  });
  const finding = (change: object = {}) => ({
    status: 'open',
    action: 'block',
    severity: 'critical',
    id: 'CVE-2025-1',
    package: { name: 'ms', versions: ['2.1.2'] },
    locations: [],
    fixedIn: ['2.1.3'],
    ...change,
  });

  test('findings, what blocks and what was left out', () => {
    const kev = { dateAdded: '2025-01-01' };
    const findings = [
      finding({ kev }),
      finding({ status: 'suppressed', suppressedBy: { by: 'vex' }, severity: 'low', fixedIn: [] }),
      finding({ package: undefined, locations: [{ path: 'a/b.ts' }], id: 'rule' }),
    ];
    expect(tableOf('scan-gate', (output) => (output === 'verdict-path' ? { findings } : undefined))).toBe(
      [
        'block              critical  CVE-2025-1  ms 2.1.2  fixed in 2.1.3  exploited since 2025-01-01',
        'suppressed by vex  low       CVE-2025-1  ms 2.1.2',
        'block              critical  rule        a/b.ts    fixed in 2.1.3',
        '',
      ].join('\n'),
    );
  });

  test('checks, with the code of what does not hold', () => {
    const checks = [
      { ok: true, name: 'artifact', detail: 'sha256:1' },
      { ok: false, name: 'builder-id', code: 'BUILDER_ID_MISMATCH', detail: 'another' },
    ];
    expect(tableOf('verify', () => ({ checks }))).toBe(
      'ok  artifact    sha256:1\nNO  builder-id  BUILDER_ID_MISMATCH: another\n',
    );
  });

  test('texts of others stay on their line, and many findings are cut', () => {
    const hostile = finding({ id: '\u001b[2Jx\nok  all', package: { name: '\u202e'.repeat(200), versions: [] } });
    const text = tableOf('scan-gate', () => ({ findings: Array.from({ length: 60 }, () => hostile) }));
    expect(text.split('\n')).toHaveLength(52);
    expect(text).toContain('and 10 more');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(300);
  });

  test('nothing where there is nothing', () => {
    expect([tableOf('sign', () => ({})), tableOf('scan-gate', () => undefined)]).toEqual(['', '']);
  });
});

test('repeated flags of a list become its lines', async () => {
  const { stdout } = await paved([
    'probe',
    '--mode',
    'pass',
    '--reports',
    'a',
    '--reports=b',
    '--reports',
    'c',
    'd',
    '--json',
  ]);
  expect(JSON.parse(stdout).documents['report-path'].seen.INPUT_REPORTS).toBe('a\nb\nc\nd');
});

describe('secrets', () => {
  test.each([
    ['a variable', ['--mode', 'refuse'], { env: { PAVED_INPUT_TOKEN: 'canary-1' } }],
    ['stdin', ['--mode', 'refuse', '--token-file', '-'], { stdin: 'canary-1\n' }],
  ])('from %s arrive and are not shown', async (_name, args, more) => {
    const { status, stdout, stderr } = await paved(['probe', ...args, '--json'], more);
    expect(status).toBe(1);
    expect(stdout + stderr).not.toMatch(/canary-1|learnt-secret/);
    expect(JSON.parse(stdout).error.hint).toBe('Fix ***');
    expect(JSON.parse(stdout).documents['report-path'].seen).toEqual({ INPUT_MODE: 'refuse' });
  });

  test('from a file', async () => {
    await writeFile(join(folder, 'secret.txt'), 'canary-2\n');
    const { stdout } = await paved(['probe', '--mode', 'refuse', '--token-file', 'secret.txt', '--json']);
    expect(JSON.parse(stdout).error.hint).toBe('Fix ***');
  });

  test.each([[['--token', 'canary-3']], [['--token=canary-3']]])('in the arguments are refused: %j', async (args) => {
    const { status, stdout, stderr } = await paved(['probe', '--mode', 'pass', ...args]);
    expect(status).toBe(1);
    expect(stderr).toContain('SECRET_ON_COMMAND_LINE');
    expect(stderr).toContain('Set PAVED_INPUT_TOKEN, or use --token-file PATH (- reads stdin)');
    expect(stdout + stderr).not.toContain('canary-3');
  });
});

test('inputs of an outer action do not reach the inner one', async () => {
  const { stdout } = await paved(['probe', '--mode', 'pass', '--json'], {
    env: { INPUT_REPORTS: 'outer', STATE_x: 'y' },
  });
  expect(JSON.parse(stdout).documents['report-path'].seen).toEqual({ INPUT_MODE: 'pass' });
});

describe('what a run leaves behind', () => {
  const own = async () => (await readdir(folder)).filter((name) => name.startsWith('paved-probe-'));
  const signIns = { auths: { 'registry.example.test': { auth: 'Y2FuYXJ5LTQ6c2VjcmV0' } } };
  const env = () => ({ DOCKER_CONFIG: join(folder, 'docker') });
  beforeEach(async () => {
    for (const name of await own()) await rm(join(folder, name), { recursive: true });
    await mkdir(join(folder, 'docker'), { recursive: true });
    await writeFile(join(folder, 'docker/config.json'), JSON.stringify(signIns));
  });

  test("the files that its outputs name, and none of the user's sign-ins", async () => {
    const args = ['probe', '--mode', 'pass', '--registry', 'registry.example.test', '--json'];
    const { stdout } = await paved(args, { env: env() });
    expect(JSON.parse(stdout).documents['report-path'].seen['INPUT_REGISTRY-CONFIG']).toContain('registry-config.json');
    const [kept = ''] = await own();
    expect(await readdir(join(folder, kept))).toEqual(['report.json']);
  });

  test('nothing, when no output names a file', async () => {
    const { status, stderr } = await paved(['probe', '--mode', 'quiet'], { env: env() });
    expect([status, await own()]).toEqual([0, []]);
    expect(stderr).not.toContain('Files are kept in ');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('nothing, when %s ends it', async (signal) => {
    const child = spawn(process.execPath, [join(folder, 'bin/paved.mjs'), 'probe', '--mode', 'hang'], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', TMPDIR: folder, ...env() },
    });
    await new Promise<void>((resolve) =>
      child.stderr.on('data', (text: Buffer) => String(text).includes('running') && resolve()),
    );
    expect(await own()).toHaveLength(1);
    child.kill(signal);
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect([status, await own()]).toEqual([1, []]);
  });
});

describe('wrong usage ends with status 1 and a code', () => {
  test.each([
    [['prob'], 'ACTION_UNKNOWN', 'Did you mean probe?'],
    [['zzzzzzzz'], 'ACTION_UNKNOWN', 'Run "paved --help"'],
    [['probe', '--mdoe', 'pass'], 'INPUT_UNKNOWN', 'Did you mean --mode?'],
    [['probe', '--tokn-file', 'x'], 'INPUT_UNKNOWN', 'Did you mean --token-file?'],
    [['probe', '--constructor', 'x'], 'INPUT_UNKNOWN', 'Run "paved probe --help"'],
    [['probe'], 'INPUT_MISSING', 'Add --mode VALUE (What to answer)'],
    [['probe', '--mode'], 'VALUE_MISSING', 'Write --mode VALUE, or --mode=VALUE when the value starts with dashes'],
    [['probe', '--mode', 'pass', '--mode', 'refuse'], 'INPUT_REPEATED', 'Give --mode once'],
    [['probe', '--mode', 'pass', 'stray'], 'ARGUMENT_UNEXPECTED', 'Run "paved probe --help"'],
    [
      ['probe', '--mode', 'pass', '--token-file', '/no/such'],
      'SECRET_UNREADABLE',
      'Name a file that you can read, or - for stdin',
    ],
  ])('%j', async (args, code, hint) => {
    const text = await paved(args);
    expect([text.status, text.stdout]).toEqual([1, '']);
    expect(text.stderr).toBe(`${code}: ${text.stderr.slice(code.length + 2).split('\n')[0]}\n${hint}\n`);
    const json = await paved([...args, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { code, hint } });
  });
});

const OLD_NODE = '/usr/bin/node';
const oldVersion = await promisify(execFile)(OLD_NODE, ['--version']).then(
  ({ stdout }) => stdout.trim(),
  () => 'v99',
);
const isOld = Number(oldVersion.slice(1).split('.')[0]) < 24;

(isOld ? test : test.skip)('an older Node of the machine hands over to the installed one', async () => {
  expect((await paved(['--help'], { node: OLD_NODE })).stderr).toContain('NODE_TOO_OLD');
  await mkdir(join(folder, 'node_modules'));
  const platform = `node-${process.platform}-${process.arch}`;
  await symlink(join(ROOT, 'node_modules', platform), join(folder, 'node_modules', platform));
  const { status, stdout } = await paved(['probe', '--mode', 'refuse', '--json'], { node: OLD_NODE });
  expect([status, JSON.parse(stdout).ok]).toEqual([1, false]);
});

test('help comes from the declarations', async () => {
  const [own = '', internal = ''] = (await paved(['--help'])).stdout.split('\nParts of the workflows');
  expect(own).toContain('probe  Shows what it was given');
  expect([own.includes('inner'), internal]).toEqual([false, expect.stringContaining('inner  Is a part of a workflow')]);
  const { status, stdout } = await paved(['probe', '--help']);
  expect(status).toBe(0);
  expect(stdout).toContain('--mode VALUE\n      What to answer (pass | refuse | quiet | hang; required)');
  expect(stdout).toContain('--reports VALUE...\n      Reports (paths)');
  expect(stdout).toContain('--max-age VALUE\n      Age (duration; default 24h)');
  expect(stdout).toContain('--token-file PATH\n');
});
