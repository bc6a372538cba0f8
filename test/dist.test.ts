import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { assertBundle, CLIENT_ACTIONS, PROCESS_ACTIONS, TOKEN_ACTIONS } from '@paved/toolchain';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const entries = await readdir(DIST, { withFileTypes: true });
const actions = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);

/** Starts a bundle with the runner's folders and no input. */
async function start(
  bundle: string,
): Promise<{ status: number | null; stdout: string; stderr: string; outputs: string }> {
  const temp = await mkdtemp(join(tmpdir(), 'paved-dist-'));
  try {
    const output = join(temp, 'output');
    await writeFile(output, '');
    const env = { RUNNER_TEMP: temp, GITHUB_WORKSPACE: temp, GITHUB_OUTPUT: output };
    const child = spawn(process.execPath, [bundle], { cwd: temp, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { status, stdout, stderr, outputs: await readFile(output, 'utf8') };
  } finally {
    await rm(temp, { recursive: true });
  }
}

test('there are bundles, and they are ES modules', async () => {
  expect(actions.length).toBeGreaterThan(0);
  expect(JSON.parse(await readFile(join(DIST, 'package.json'), 'utf8'))).toEqual({ type: 'module' });
});

describe.each(actions)('%s', (action) => {
  test('starts, and without inputs ends with one annotation and status 1', async () => {
    const { status, stdout, stderr, outputs } = await start(join(DIST, action, 'index.js'));
    expect(stdout.match(/^::error[^:]*::.*$/gm)).toEqual([
      expect.stringMatching(/^::error::(?!INTERNAL)[A-Z_]+: Cannot /),
    ]);
    expect([status, stderr, outputs]).toEqual([1, '', '']);
  });

  test('holds to the rules for bundles', async () => {
    const files: Record<string, string> = {};
    for (const name of await readdir(join(DIST, action))) {
      if (name !== 'licenses.txt') files[name] = await readFile(join(DIST, action, name), 'utf8');
    }
    expect(() =>
      assertBundle(files, { action, allowsProcesses: PROCESS_ACTIONS.includes(action), root: ROOT }),
    ).not.toThrow();
    for (const text of Object.values(files)) expect(text).not.toMatch(/sourceMappingURL|@actions\/artifact\/lib/);
  });

  test('brings the licences of what is in it', async () => {
    const licences = await readFile(join(DIST, action, 'licenses.txt'), 'utf8');
    expect(licences).toContain('@actions/core@');
    expect(licences).toContain('MIT');
  });

  test('asks for a token only when it says so, and has no client otherwise', async () => {
    const licences = await readFile(join(DIST, action, 'licenses.txt'), 'utf8');
    expect(licences.includes('@actions/http-client@')).toBe(CLIENT_ACTIONS.includes(action));
    const sources = join(ROOT, 'actions', action, 'src');
    const names = (await readdir(sources, { recursive: true })).filter((path) => path.endsWith('.ts'));
    const texts = await Promise.all(names.map((path) => readFile(join(sources, path), 'utf8')));
    expect(texts.some((text) => /\bcontext\.idToken\(/.test(text))).toBe(TOKEN_ACTIONS.includes(action));
    const declared = await readFile(join(sources, 'definition.ts'), 'utf8');
    expect(declared.includes("'id-token': 'write'")).toBe(TOKEN_ACTIONS.includes(action));
  });

  test('only handoff carries the artifact client', async () => {
    const licences = await readFile(join(DIST, action, 'licenses.txt'), 'utf8');
    expect(licences.includes('@actions/artifact@')).toBe(action === 'handoff');
  });

  test('stays below 2 MiB, because every job downloads it', async () => {
    expect((await stat(join(DIST, action, 'index.js'))).size).toBeLessThan(2 * 1024 * 1024);
  });
});

describe('the rules go red for', () => {
  const rules = { action: 'sign', allowsProcesses: false, root: '/home/me/paved' };
  test.each([
    ['an unresolved module', { 'index.js': 'const x=eval("require")("kerberos")' }, 'BUNDLE_UNRESOLVED'],
    ['the same in single quotes', { 'index.js': "const x=eval('require')('kerberos')" }, 'BUNDLE_UNRESOLVED'],
    ['a process', { 'index.js': 'import{spawn as e}from"child_process"' }, 'BUNDLE_STARTS_PROCESSES'],
    ['a process by require', { 'index.js': 'e(import.meta.url)("node:child_process")' }, 'BUNDLE_STARTS_PROCESSES'],
    ['a process in a chunk', { 'index.js': '', '12.index.js': 'from"node:child_process"' }, 'BUNDLE_STARTS_PROCESSES'],
    ['a native module', { 'index.js': '', 'addon.node': '' }, 'BUNDLE_ASSET'],
    ['a path of the machine', { 'index.js': 'const f="/home/me/paved/node_modules/x"' }, 'BUNDLE_PATH'],
  ] as const)('%s', (_name, files, code) => {
    expect(() => assertBundle(files, rules)).toThrow(expect.objectContaining({ code }));
  });

  test('nothing else', () => {
    expect(() => assertBundle({ 'index.js': 'const x=1' }, rules)).not.toThrow();
    expect(() =>
      assertBundle({ 'index.js': 'from"child_process"' }, { ...rules, allowsProcesses: true }),
    ).not.toThrow();
  });
});
