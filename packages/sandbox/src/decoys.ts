import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Target } from './target.js';

/** Real listeners, files and processes on the host, each with the target that must not be reached from the sandbox. */
export interface Decoys {
  readonly targets: readonly Target[];
  close(): Promise<void>;
}

export interface DecoyOptions {
  /** A folder under RUNNER_TEMP. */
  readonly workDir: string;
  readonly home: string;
}

type Close = () => unknown;

/** Everything is on this machine: loopback, its own address, sockets in the file system and the abstract name space. */
export async function openDecoys(options: DecoyOptions): Promise<Decoys> {
  const closers: Close[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const targets = [
      ...(await openSockets(closers)),
      ...(await openUnixSockets(closers)),
      await openMarkerProcess(closers),
      ...(await openFiles(options, closers)),
    ];
    return { targets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openSockets(closers: Close[]): Promise<readonly Target[]> {
  const targets = [await tcpDecoy('tcp-host-loopback', '127.0.0.1', closers), await udpDecoy(closers)];
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.find((address) => !address.internal && address.family === 'IPv4')?.address;
  if (own !== undefined) targets.push(await tcpDecoy('tcp-host-address', own, closers));
  if (addresses.some((address) => address.address === '::1')) {
    targets.push(await tcpDecoy('tcp-host-loopback-ipv6', '::1', closers));
  }
  return targets;
}

async function tcpDecoy(name: string, host: string, closers: Close[]): Promise<Target> {
  const server = await listen({ host, port: 0 }, closers);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { name, kind: 'tcp', host, port, label: `a listener of the host on ${host}`, control: true };
}

function udpDecoy(closers: Close[]): Promise<Target> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    closers.push(() => socket.close());
    socket.once('error', reject);
    socket.on('message', (_, from) => socket.send('pong', from.port, from.address));
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      const label = 'a UDP service of the host on 127.0.0.1';
      resolve({ name: 'udp-host-loopback', kind: 'udp', host: '127.0.0.1', port, payload: '00', label, control: true });
    });
  });
}

async function openUnixSockets(closers: Close[]): Promise<readonly Target[]> {
  // In /tmp, the most visible place, and because the path of a socket may have 107 bytes only.
  const folder = await mkdtemp(join(tmpdir(), 'paved-canary-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 's');
  const abstract = `paved-canary-${randomBytes(8).toString('hex')}`;
  await listen({ path }, closers);
  await listen({ path: `\0${abstract}` }, closers);
  return [
    { name: 'unix-socket', kind: 'unix', path, label: 'a unix socket of the host', control: true },
    {
      name: 'abstract-socket',
      kind: 'abstract',
      path: abstract,
      label: 'an abstract socket of the host',
      control: true,
    },
  ];
}

function listen(where: ListenOptions, closers: Close[]): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(where, () => {
      closers.push(() => new Promise((done) => server.close(done)));
      resolve(server);
    });
  });
}

/** A process of the host with a secret in its environment, as the runner itself is one. */
async function openMarkerProcess(closers: Close[]): Promise<Target> {
  const marker = randomBytes(16).toString('hex');
  const child = spawn('/bin/sleep', ['900'], { cwd: '/', env: { PAVED_CANARY: marker }, stdio: 'ignore' });
  closers.push(() => child.kill('SIGKILL'));
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  return {
    name: 'host-environ',
    kind: 'processes',
    marker,
    label: 'the environment of a process of the host',
    control: true,
  };
}

async function openFiles(options: DecoyOptions, closers: Close[]): Promise<readonly Target[]> {
  const path = join(options.workDir, `canary-${randomBytes(8).toString('hex')}`);
  await writeFile(path, 'marker', { mode: 0o600 });
  closers.push(() => rm(path, { force: true }));
  const temp: Target = {
    name: 'runner-temp',
    kind: 'readable',
    path,
    label: 'a file under RUNNER_TEMP',
    control: true,
  };
  const listable = await readdir(options.home).then(
    () => true,
    () => false,
  );
  const home: Target = {
    name: 'home',
    kind: 'readable',
    path: options.home,
    label: 'the home folder',
    control: listable,
  };
  return [temp, home];
}
