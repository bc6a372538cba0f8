import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { sampleProject, startProjectRegistry, writeProject } from './sample-project.js';

/**
 * One build command that attacks in every way it knows and writes down what worked; run once as a plain step would run it (the
 * control: each attack must work there) and once by the action (each must fail). Secrets are random, so a hit is no accident.
 */
const ATTACK = String.raw`
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const dgram = require('node:dgram');
const targets = JSON.parse(fs.readFileSync('targets.json', 'utf8'));
const connects = (options) => new Promise((resolve) => {
  const socket = net.connect(options);
  socket.setTimeout(2000, () => { socket.destroy(); resolve(false); });
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});
const answers = (port) => new Promise((resolve) => {
  const socket = dgram.createSocket('udp4');
  const end = (value) => { clearTimeout(timer); try { socket.close(); } catch {} resolve(value); };
  const timer = setTimeout(end, 2000, false);
  socket.on('message', () => end(true));
  socket.on('error', () => end(false));
  socket.connect(port, '127.0.0.1', () => socket.send('ping', () => {}));
});
const works = (attack) => { try { return attack() !== false; } catch { return false; } };
const scan = (file) => fs.readdirSync('/proc').filter((id) => /^\d+$/.test(id)).some((id) => works(() =>
  fs.readFileSync('/proc/' + id + '/' + file, 'latin1').includes(targets.secret)));
(async () => {
  const result = {
    'token in the environment': JSON.stringify(process.env).includes(targets.secret),
    'proxy of the runner': JSON.stringify(process.env).includes('proxy.example'),
    'environment of a process of the host': scan('environ'),
    'command line of a process of the host': scan('cmdline'),
    'GITHUB_ENV': works(() => fs.appendFileSync(targets.githubEnv, 'BASH_ENV=/tmp/evil\n')),
    'GITHUB_PATH by its variable': works(() => fs.appendFileSync(process.env.GITHUB_PATH, '/tmp/evil\n')),
    'file in RUNNER_TEMP': works(() => fs.readFileSync(targets.tempFile)),
    'file in the home': works(() => fs.readFileSync(targets.homeFile)),
    'write into the workspace': works(() => fs.writeFileSync(targets.workspace + '/planted', 'x')),
    'folder of the action': works(() => fs.readdirSync(targets.temp + '/paved').length > 0),
    'TCP': await connects({ host: '127.0.0.1', port: targets.tcp }),
    'UDP': await answers(targets.udp),
    'unix socket': await connects({ path: targets.unix }),
    'abstract socket': await connects({ path: '\0' + targets.abstract }),
    'kill a process of the host': works(() => process.kill(targets.victim, 0)),
  };
  console.log('::set-env name=BASH_ENV::/tmp/evil');
  console.log('::add-mask::a');
  console.log('##[add-path]/tmp/evil');
  // A session of its own, so that killing the process group of the step does not end it.
  spawn('sh', ['-c', 'sleep 900; : ' + targets.leftover], { detached: true, stdio: 'ignore' }).unref();
  fs.mkdirSync('out');
  fs.writeFileSync('out/result.json', JSON.stringify(result));
})();
`;

const methods = await availableMethods();
const sandboxed = methods.some(({ available }) => available);
const why = sandboxed ? '' : ` (skipped: ${methods.map(({ reason }) => reason).join('')})`;

let host: TestContext;
let folder: string;
const closers: (() => unknown)[] = [];
const secret = randomBytes(16).toString('hex');
const leftover = randomBytes(16).toString('hex');

beforeAll(async () => {
  host = await testContext({ action: 'hermetic-build', facts: { ref: 'refs/heads/$(id)', refName: '$(id)' } });
  folder = await mkdtemp(join(tmpdir(), 'paved-attack-'));
  const home = join(folder, 'home');
  await mkdir(home);
  await mkdir(join(host.temp, '_runner_file_commands'), { recursive: true });
  await mkdir(join(host.temp, 'paved/hermetic-build'), { recursive: true });
  const files = {
    githubEnv: join(host.temp, '_runner_file_commands/set_env'),
    tempFile: join(host.temp, 'secret'),
    homeFile: join(home, '.npmrc'),
  };
  await Promise.all(Object.values(files).map((path) => writeFile(path, secret)));
  const victim = spawn('/bin/sleep', ['900'], { env: { TOKEN: secret }, stdio: 'ignore' });
  const named = spawn('/bin/sh', ['-c', `sleep 900; : ${secret}`], { env: {}, stdio: 'ignore', detached: true });
  closers.push(
    () => victim.kill('SIGKILL'),
    () => named.pid !== undefined && process.kill(-named.pid, 'SIGKILL'),
  );
  const abstract = `paved-attack-${randomBytes(8).toString('hex')}`;
  const targets = {
    ...files,
    secret,
    leftover,
    abstract,
    temp: host.temp,
    workspace: host.workspace,
    victim: victim.pid,
    tcp: portOf(await listen({ host: '127.0.0.1', port: 0 })),
    udp: await listenUdp(),
    unix: join(folder, 's'),
  };
  await listen({ path: targets.unix });
  await listen({ path: `\0${abstract}` });
  const project = await sampleProject();
  await writeProject(host.workspace, project, { 'attack.cjs': ATTACK, 'targets.json': JSON.stringify(targets) });
  const registry = await startProjectRegistry(project);
  closers.push(() => registry.close());
  const texts = {
    'source-path': host.workspace,
    'registry-url': registry.url,
    'output-path': 'out',
    command: 'node attack.cjs',
  };
  inputs = { ...texts };
});

afterAll(async () => {
  for (const closer of closers) await closer();
  killLeftovers();
  await rm(folder, { recursive: true, force: true });
  await host.dispose();
});

let inputs: Record<string, string>;

/** The way out of a runner in a private network, which actions take and builds must not know. */
const PROXY = { https_proxy: 'http://ci:s3cret@proxy.example:3128', HTTP_PROXY: 'http://ci:s3cret@proxy.example:3128' };

describe(`a build command that attacks${why}`, () => {
  test('succeeds everywhere when it runs as a plain step (control)', async () => {
    const env = { ...process.env, ...PROXY, GITHUB_TOKEN: secret, GITHUB_PATH: join(host.temp, 'path') };
    const child = spawn('node', ['attack.cjs'], { cwd: host.workspace, env, stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
    const result = JSON.parse(await readFile(join(host.workspace, 'out/result.json'), 'utf8'));
    expect(Object.entries(result).filter(([, worked]) => worked !== true)).toEqual([]);
    expect(leftovers().length).toBeGreaterThan(0);
    killLeftovers();
    await rm(join(host.workspace, 'out'), { recursive: true });
    await rm(join(host.workspace, 'planted'));
  });

  for (const { method, available, reason } of methods) {
    (available ? test : test.skip)(`is stopped everywhere with method ${method}${reason}`, async () => {
      Object.assign(process.env, PROXY, { GITHUB_TOKEN: secret });
      const before = host.lines.length;
      try {
        await writeFile(join(host.temp, '_runner_file_commands/set_env'), 'untouched');
        const outputs = await run(await host.inputs(definition, inputs), host.context, [method]);
        const result = JSON.parse(await readFile(join(outputs['artifact-path'] ?? '', 'result.json'), 'utf8'));
        expect(Object.entries(result).filter(([, worked]) => worked !== false)).toEqual([]);
        expect(Object.keys(result)).toHaveLength(15);
      } finally {
        for (const name of ['GITHUB_TOKEN', ...Object.keys(PROXY)]) delete process.env[name];
      }
      expect(leftovers()).toEqual([]);
      expect(readdirSync(host.workspace)).not.toContain('planted');
      expect(readdirSync(host.workspace)).not.toContain('out');
      expect(await readFile(join(host.temp, '_runner_file_commands/set_env'), 'utf8')).toBe('untouched');
      expectCommandsStopped(host.lines.slice(before));
    });
  }
});

/** Every line that has a command of the build in it stands between `::stop-commands::<token>` and `::<token>::`. */
function expectCommandsStopped(lines: readonly string[]): void {
  let token: string | undefined;
  let seen = 0;
  for (const line of lines) {
    const stop = /^::stop-commands::(.+)$/.exec(line);
    if (stop !== null) token = stop[1];
    else if (line === `::${token}::`) token = undefined;
    else if (line.includes('/tmp/evil')) {
      seen++;
      expect(token).toBeDefined();
    }
  }
  expect(seen).toBeGreaterThan(0);
}

function leftovers(): readonly number[] {
  const ids = readdirSync('/proc').filter((id) => /^\d+$/.test(id));
  return ids.map(Number).filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'latin1').includes(leftover);
    } catch {
      return false;
    }
  });
}

function killLeftovers(): void {
  for (const id of leftovers()) {
    try {
      process.kill(-id, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

function listen(where: { host: string; port: number } | { path: string }): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy()).listen(where, () => resolve(server));
    closers.push(() => new Promise((done) => server.close(done)));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function listenUdp(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    closers.push(() => socket.close());
    socket.on('message', (_, from) => socket.send('pong', from.port, from.address));
    socket.bind(0, '127.0.0.1', () => resolve(socket.address().port));
  });
}
