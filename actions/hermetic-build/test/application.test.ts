import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { RefusalError } from '@paved/runner-kit';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import type { SandboxMethod } from '@paved/sandbox';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { type SampleEntry, tarOf, writeLayout } from './layout-sample.js';
import { writeFiles } from './write-files.js';

const BUSYBOX = '/bin/busybox';
const has = existsSync(BUSYBOX) && process.arch === 'x64';
const methods = await availableMethods();
const usable = methods.filter(({ available }) => available).map(({ method }) => method);
const [best] = usable;
const onMachine = has && best !== undefined ? test : test.skip;

const hosts: TestContext[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.dispose();
});

interface Sample {
  /** What /app does, run by the image's shell. */
  readonly app?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly more?: readonly SampleEntry[];
  readonly inputs?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly method?: SandboxMethod;
}

interface Outcome {
  readonly ok: boolean;
  readonly rules: readonly string[];
  readonly record: Readonly<Record<string, unknown>>;
  readonly sarif: string;
  readonly container: string;
  readonly script: string;
  readonly message: string;
  readonly host: TestContext;
}

/** A service that listens, waits and ends when it is asked to. */
const SERVICE = 'trap "exit 0" TERM\nbusybox nc -ll -p 8080 -e /bin/cat &\nwhile :; do busybox sleep 0.1; done\n';
const CONFIG = { User: '65532:65532', Env: ['PATH=/bin'], Entrypoint: ['/app'], ExposedPorts: { '8080/tcp': {} } };

async function outcomeOf({
  app = SERVICE,
  config = {},
  more = [],
  inputs = {},
  files = {},
  method,
}: Sample): Promise<Outcome> {
  const host = await testContext({ action: 'hermetic-build' });
  hosts.push(host);
  await writeFiles(host.workspace, files);
  const applets = ['sh', 'cat'].map((name) => ({ name: `bin/${name}`, type: 'symlink' as const, linkname: 'busybox' }));
  const layer = tarOf([
    { name: 'bin/', mode: 0o755 },
    { name: 'etc/', mode: 0o755 },
    { name: 'etc/passwd', text: 'root:x:0:0::/:/bin/sh\napp:x:65532:65532::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n' },
    { name: 'bin/busybox', bytes: await readFile(BUSYBOX), mode: 0o755 },
    ...applets,
    { name: 'app', text: `#!/bin/sh\n${app}`, mode: 0o755 },
    ...more,
  ]);
  const layoutPath = join(host.workspace, 'layout');
  await writeLayout(layoutPath, [layer], { config: { ...CONFIG, ...config } });
  const given = await host.inputs(definition, {
    phase: 'test',
    'source-path': host.workspace,
    'layout-path': layoutPath,
    'test-settle': '1s',
    'test-grace': '2s',
    'artifact-id': '4711',
    ...inputs,
  });
  const candidates = method === undefined ? usable : [method];
  const answer = await run(given, host.context, candidates).catch((error: unknown) => {
    if (error instanceof RefusalError) return error;
    throw error;
  });
  const refused = answer instanceof RefusalError;
  const path = (refused ? answer.outputs : answer)['record-path'] ?? '';
  const read = (name: string) => readFile(join(path, name), 'utf8').catch(() => '');
  const record = JSON.parse(await read('application-test.json'));
  return {
    ok: !refused,
    rules: record.findings.map(({ rule }: { readonly rule: string }) => rule.replace('application-test-', '')),
    record,
    sarif: await read('application-test.sarif'),
    container: await read('container.log'),
    script: await read('script.log'),
    message: refused ? `${answer.code} ${answer.message}` : '',
    host,
  };
}

describe('an application that keeps the contract', () => {
  for (const { method, available, reason } of methods) {
    (has && available ? test : test.skip)(`passes with method ${method}${reason}`, async () => {
      const { ok, rules, record, message, container } = await outcomeOf({ method });
      expect({ rules, message, container }).toEqual({ rules: [], message: '', container: '' });
      expect(ok).toBe(true);
      expect(record).toMatchObject({
        result: 'passed',
        platform: 'linux/amd64',
        method,
        user: { uid: 65532, gid: 65532 },
        run: { listening: ['tcp/8080'], stopped: 0, timedOut: false },
      });
    });
  }

  onMachine('a program that ends with 0 is no service, and passes', async () => {
    const { rules, container } = await outcomeOf({ app: 'echo done > /dev/stdout\n', config: { ExposedPorts: {} } });
    expect([rules, container]).toEqual([[], 'done\n']);
  });

  onMachine('may listen below 1024, as in a container engine', async () => {
    const config = { ExposedPorts: { '80/tcp': {} } };
    expect((await outcomeOf({ app: SERVICE.replace('8080', '80'), config })).rules).toEqual([]);
  });

  onMachine('is its own user, with the folder and the variables of the image and of the test', async () => {
    const app = 'busybox id -u; busybox id -g; pwd; echo "$A $B"; echo $$\n';
    const config = {
      User: 'app',
      Env: ['PATH=/bin', 'A=a b', 'LD_PRELOAD=/nothing.so'],
      WorkingDir: '/srv/x',
      ExposedPorts: {},
    };
    const { container } = await outcomeOf({ app, config, inputs: { 'test-environment': 'B=c=d' } });
    expect(container.trim().split('\n')).toEqual(['65532', '65532', '/srv/x', 'a b c=d', '1']);
  });
});

describe('each rule of the contract goes red', () => {
  onMachine.each([
    ['an empty user', { config: { User: '' } }, ['root-user']],
    ['root by number', { config: { User: '0:5' } }, ['root-user']],
    ['root by another name', { config: { User: 'toor' } }, ['root-user']],
    ['a user that the image does not know', { config: { User: 'nobody-here' } }, ['root-user']],
    ['no such program', { config: { Entrypoint: ['/nothing'] } }, ['no-program']],
    [
      'a program that env would take for a variable',
      { config: { Entrypoint: ['/a=b'] }, more: [{ name: 'a=b', text: '#!/bin/sh\n', mode: 0o755 }] },
      ['no-program'],
    ],
    ['an entry point that fails', { app: 'exit 3\n', config: { ExposedPorts: {} } }, ['start']],
    ['an interpreter that is missing', { more: [{ name: 'app', text: '#!/bin/python3\n', mode: 0o755 }] }, ['library']],
    ['a port that nobody listens on', { config: { ExposedPorts: { '8080/tcp': {}, '9090/tcp': {} } } }, ['port']],
    ['a port of the other protocol', { config: { ExposedPorts: { '8080/udp': {} } } }, ['port']],
    ['a signal without a handler', { app: SERVICE.replace(/trap.*\n/, '') }, ['signal']],
    ['another stop signal', { config: { StopSignal: 'SIGUSR1' } }, ['signal']],
  ] as const)('%s', async (_what, sample, rules) => {
    const outcome = await outcomeOf(sample as Sample);
    expect(outcome.rules).toEqual(rules);
    expect(outcome.message).toContain('APPLICATION_TEST_FAILED');
    const [result] = JSON.parse(outcome.sarif).runs[0].results;
    expect(result.ruleId).toBe(`application-test-${rules[0]}`);
    expect(outcome.host.summary()).toContain('4711');
  });

  (has && best !== undefined && existsSync('/bin/ls') ? test : test.skip)(
    'a library that is missing, and is not when it is there',
    async () => {
      const listed = execFileSync('/usr/bin/ldd', ['/bin/ls'], { encoding: 'utf8' });
      const paths = ['/bin/ls', ...[...listed.matchAll(/(\/\S+) \(/g)].map(([, path]) => path ?? '')];
      const all = await Promise.all(
        paths.map(async (path) => ({ name: path.slice(1), mode: 0o755, bytes: await readFile(path) })),
      );
      const config = { Entrypoint: ['/bin/ls'], ExposedPorts: {} };
      expect((await outcomeOf({ config, more: all })).rules).toEqual([]);
      const lost = all.filter(({ name }) => !name.includes('libselinux'));
      expect(lost.length).toBe(all.length - 1);
      expect((await outcomeOf({ config, more: lost })).rules).toEqual(['library', 'start']);
    },
  );
});

describe('the script of the project', () => {
  const answers =
    '[ "$PAVED_TEST_PORTS" = 8080 ]\necho hello | busybox nc -w 1 "$PAVED_TEST_HOST" "$PAVED_TEST_PORT"\n';

  onMachine('talks to the container over loopback', async () => {
    const sample = { files: { 'test.sh': answers }, inputs: { 'test-script': 'test.sh' } };
    const { rules, script } = await outcomeOf(sample);
    expect([rules, script]).toEqual([[], 'hello\n']);
  });

  onMachine('fails the test when it fails', async () => {
    const { rules } = await outcomeOf({ files: { 'test.sh': 'exit 4\n' }, inputs: { 'test-script': 'test.sh' } });
    expect(rules).toEqual(['script']);
  });

  onMachine.each(['../test.sh', '/etc/passwd', "a'b.sh", 'missing.sh'])(
    '%s is refused before anything runs',
    async (path) => {
      await expect(outcomeOf({ inputs: { 'test-script': path } })).rejects.toMatchObject({ code: 'COMMAND_MISSING' });
    },
  );
});

describe('what an image tries', () => {
  onMachine('it reaches no listener of the machine, and no file, process or device of it', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.end('reached');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('reached');
      const app = `exec 2>/dev/null
echo | busybox nc -w 1 127.0.0.1 ${port} && echo REACHED
busybox ls /sys/class/net /home /root /var/run /.host
for n in /proc/[0-9]*; do echo "$n"; done
busybox chroot /proc/1/root /bin/sh -c : && echo CHROOT
busybox mount -t tmpfs x /tmp && echo MOUNT
echo x > /etc/passwd && echo WROTE
echo x > /proc/sysrq-trigger && echo SYSRQ
busybox grep -E '^(CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status
busybox cat /proc/net/route | busybox wc -l
`;
      const { container } = await outcomeOf({ app, config: { ExposedPorts: {} } });
      const zero = '0'.repeat(16);
      expect(container.replaceAll('\t', ' ').trim().split('\n')).toEqual([
        '/proc/1',
        `CapPrm: ${zero}`,
        `CapEff: ${zero}`,
        `CapAmb: ${zero}`,
        'NoNewPrivs: 1',
        '1',
      ]);
      expect(asked).toBe(1);
    } finally {
      server.close();
    }
  });

  onMachine('it cannot fill the disk, and is stopped when it fills the log', async () => {
    const fill = 'busybox dd if=/dev/zero of=/tmp/x bs=1M count=4000 2>/dev/null || echo FULL\n';
    const full = await outcomeOf({ app: fill, config: { ExposedPorts: {} } });
    expect(full.container).toBe('FULL\n');
    const loud = await outcomeOf({ app: 'busybox yes\n', config: { ExposedPorts: {} } });
    expect(loud.rules).toContain('limit');
  });

  onMachine('set-uid files, devices and links out of the image give nothing', async () => {
    const more: readonly SampleEntry[] = [
      { name: 'suid', type: 'hardlink', linkname: 'bin/busybox', mode: 0o4755 },
      { name: 'disk', type: 'block', deviceMajor: 8, deviceMinor: 0, mode: 0o666 },
      { name: 'proc', type: 'symlink', linkname: '/etc' },
      { name: 'out', type: 'symlink', linkname: '../../../../etc/hostname' },
    ];
    const app = 'exec 2>/dev/null\n[ -e /disk ] && echo DISK\nbusybox cat /out && echo OUT\n/bin/busybox id -u\n';
    const { container, record } = await outcomeOf({ app, more, config: { ExposedPorts: {} } });
    expect(container).toBe('65532\n');
    expect(record.notUnpacked).toEqual(['/disk']);
  });

  onMachine('a variable for the loader is not seen by what still has privileges', async () => {
    const config = { Env: ['PATH=/bin', 'LD_PRELOAD=/image/evil.so', 'LD_LIBRARY_PATH=/image'], ExposedPorts: {} };
    const more = [{ name: 'evil.so', text: 'not a library', mode: 0o755 }];
    const { rules, container } = await outcomeOf({ app: 'echo fine\n', config, more });
    expect([rules, container]).toEqual([[], 'fine\n']);
  });
});

describe('what is not started is recorded', () => {
  onMachine.each([
    ['application-test is false', { 'application-test': 'false' }],
    ['isolation is none', { isolation: 'none' }],
  ])('%s', async (reason, inputs) => {
    const { ok, record } = await outcomeOf({ config: { User: '' }, inputs });
    expect([ok, record.result, record.reason]).toEqual([true, 'not-run', reason]);
  });
});
