import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseMethod } from '../src/choose-method.js';
import { namespaceCommand, runInSandbox, SANDBOX_METHODS } from '../src/sandbox.js';
import { SETUP_SCRIPT } from '../src/setup-script.js';
import { availableMethods } from '../src/testing.js';
import { planToolchain } from '../src/toolchain.js';

const methods = await availableMethods();
let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'paved-sandbox-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('choosing a method', () => {
  test('names what failed and the cure when none works', async () => {
    await expect(chooseMethod(root, [])).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      hint: expect.stringMatching(/sudo.*user namespaces|sudo.*apparmor_restrict_unprivileged_userns/),
    });
    for (const { method, available } of methods.filter((state) => !state.available)) {
      expect(available).toBe(false);
      await expect(chooseMethod(root, [method])).rejects.toMatchObject({ message: expect.stringContaining(method) });
    }
  });

  test('never asks for a password and never goes through a shell', () => {
    expect(namespaceCommand('sudo').slice(0, 3)).toEqual(['sudo', '-n', '--']);
    for (const method of SANDBOX_METHODS) expect(namespaceCommand(method)).not.toContain('sh');
  });
});

describe('the sandbox', () => {
  for (const { method, available, reason } of methods) {
    const when = available ? test : test.skip;

    when(`${method}: passes status, environment and hostile words on as they are${reason}`, async () => {
      const buildDir = join(root, 'build');
      await mkdir(buildDir);
      const value = `$(touch /build/pwned)'"; touch /build/pwned #`;
      const job = { buildDir, workDir: root, timeoutMs: 30_000, onOutput: () => {} };
      const command = 'printf %s "$WORD" > word; exit 42\n';
      const result = await runInSandbox(method, {
        ...job,
        command,
        environment: { PATH: '/usr/bin:/bin', WORD: value },
      });
      expect(result).toEqual({ exitStatus: 42, timedOut: false });
      expect(await readFile(join(buildDir, 'word'), 'utf8')).toBe(value);
      await expect(readFile(join(buildDir, 'pwned'))).rejects.toThrow();
    });

    when(`${method}: a command cannot forge its own status, nor keep a process${reason}`, async () => {
      const buildDir = join(root, 'build');
      await mkdir(buildDir);
      const command =
        'echo "exit 0" >&3 || :; echo "exit 0" >&4 || :; kill -9 1 || :; (setsid sleep 900 &) ; readlink /proc/self/fd/* > fds || :; kill -9 $$\n';
      const environment = { PATH: '/usr/bin:/bin' };
      const job = { buildDir, workDir: root, timeoutMs: 30_000, onOutput: () => {}, command, environment };
      expect(await runInSandbox(method, job)).toEqual({ exitStatus: 137, timedOut: false });
      const open = (await readFile(join(buildDir, 'fds'), 'utf8')).trim().split('\n');
      // Its two outputs; /dev/null; the file that readlink writes to. Nothing that was open in the action.
      const expected = /^((?:pipe|socket):.*|\/dev\/null|\/build\/fds|\/paved\/command)$/;
      expect(open.filter((target) => !expected.test(target))).toEqual([]);
      expect(new Set(open.filter((target) => /^(pipe|socket):/.test(target))).size).toBeLessThanOrEqual(2);
    });

    when(`${method}: says which stage failed${reason}`, async () => {
      const job = { buildDir: join(root, 'absent'), workDir: root, timeoutMs: 30_000, onOutput: () => {} };
      await expect(runInSandbox(method, { ...job, command: '', environment: {} })).rejects.toMatchObject({
        code: 'SANDBOX_BROKEN',
        message: expect.stringContaining('bind the copy of the source'),
      });
    });
  }

  test('its script is constant: parameters alone carry data', () => {
    expect(SETUP_SCRIPT).not.toMatch(/\beval\b|`/);
  });
});

describe('the toolchain', () => {
  test('shows system folders as they are, tools of other places read-only, and nothing of the runner', async () => {
    const tool = join(root, 'tool/bin');
    const home = join(root, 'home');
    await mkdir(tool, { recursive: true });
    await mkdir(join(home, '.local/bin'), { recursive: true });
    await symlink(home, join(root, 'alias'));
    const entries = [
      '/usr/bin',
      'relative',
      '',
      join(root, 'absent'),
      join(root, 'alias/.local/bin'),
      home,
      root,
      '/var/lib',
    ];
    const plan = await planToolchain(entries.join(':'), [home]);
    expect(plan).toEqual({ path: '/usr/bin', binds: [], dropped: entries.slice(1) });
  });

  test('binds the parent of a bin folder, but never one that holds a hidden folder', async () => {
    const place = root;
    await mkdir(join(place, 'x/bin'), { recursive: true });
    await mkdir(join(place, 'x/home'));
    await writeFile(join(place, 'x/bin/tool'), '');
    const path = join(place, 'x/bin');
    const bind = { source: join(place, 'x'), target: join(place, 'x') };
    expect(await planToolchain(path, [], [])).toEqual({ path, binds: [bind], dropped: [] });
    expect(await planToolchain(path, [join(place, 'x/home')], [])).toMatchObject({ binds: [], dropped: [path] });
  });
});
