import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
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
      expect(result).toEqual({ exitStatus: 42, timedOut: false, stopped: false });
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
      expect(await runInSandbox(method, job)).toEqual({ exitStatus: 137, timedOut: false, stopped: false });
      const open = (await readFile(join(buildDir, 'fds'), 'utf8')).trim().split('\n');
      // Its two outputs; /dev/null; the file that readlink writes to. Nothing that was open in the action.
      const expected = /^((?:pipe|socket):.*|\/dev\/null|\/build\/fds|\/paved\/command)$/;
      expect(open.filter((target) => !expected.test(target))).toEqual([]);
      expect(new Set(open.filter((target) => /^(pipe|socket):/.test(target))).size).toBeLessThanOrEqual(2);
    });

    when(`${method}: leaves nothing behind without a folder, and holds its limits${reason}`, async () => {
      const seen = { stdout: '', stderr: '' };
      const job = {
        workDir: root,
        environment: { PATH: '/usr/bin:/bin' },
        timeoutMs: 30_000,
        uid: 65_111,
        onOutput: (chunk: Buffer, stream: 'stdout' | 'stderr') => {
          seen[stream] += chunk.toString('utf8');
        },
      };
      const before = await readdir(root);
      const command = [
        'id -u; touch /build/here',
        'head -c 3000000 /dev/zero >/build/large || echo "build full"',
        'head -c 3000000 /dev/zero >/tmp/large || echo "tmp full"',
        'ulimit -t; ulimit -Hv; ulimit -c',
        'ulimit -t 999 || echo "not raised"; echo said >&2',
      ];
      const limits = {
        cpuSeconds: 7,
        memoryBytes: 4 * 1024 ** 3,
        fileBytes: 2_000_000,
        processes: 64,
        memoryFileBytes: 1_048_576,
      };
      const result = await runInSandbox(method, { ...job, limits, command: command.join('\n') });
      expect(result).toEqual({ exitStatus: 0, timedOut: false, stopped: false });
      expect(seen.stdout.split('\n').slice(0, -1)).toEqual([
        '65111',
        'build full',
        'tmp full',
        '7',
        String(4 * 1024 ** 2),
        '0',
        'not raised',
      ]);
      expect(seen.stderr).toMatch(/said\n$/);
      expect(await readdir(root)).toEqual(before);
      // The control: the same without limits writes as much as it wants.
      seen.stdout = '';
      await runInSandbox(method, { ...job, command: command.slice(1, 4).join('\n') });
      expect(seen.stdout.split('\n').slice(0, 2)).toEqual(['unlimited', 'unlimited']);
    });

    when(`${method}: ends when its output is refused${reason}`, async () => {
      let bytes = 0;
      const result = await runInSandbox(method, {
        workDir: root,
        environment: { PATH: '/usr/bin:/bin' },
        timeoutMs: 30_000,
        command: 'exec cat /dev/zero',
        onOutput: (chunk) => {
          bytes += chunk.length;
          return bytes < 1_000_000;
        },
      });
      expect(result).toMatchObject({ stopped: true, timedOut: false });
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
