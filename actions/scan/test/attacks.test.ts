import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { EMPTY_SARIF, fakeScanner, prints } from './fake-scanner.js';

const canSandbox = (await availableMethods()).some(({ available }) => available);
const PROXY = 'http://ci:s3cret@proxy.example:3128';
const ATTACKS = ['network', 'proxy', 'environment', 'secret-file', 'write-outside', 'write-input', 'write-tool'];

let t: TestContext;
let folder: string;
let server: Server;
let bait: ReturnType<typeof spawn>;
let marker: string;
beforeEach(async () => {
  t = await testContext({ action: 'scan' });
  folder = await mkdtemp(join(tmpdir(), 'paved-scan-attack-'));
  marker = randomBytes(16).toString('hex');
  await mkdir(join(t.workspace, 'dist'));
  await writeFile(join(t.workspace, 'dist/app.js'), 'app');
  await writeFile(join(folder, 'secret'), marker);
  server = createServer((socket) => socket.destroy());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  bait = spawn('/bin/sleep', ['600'], { env: { TOKEN: marker }, stdio: 'ignore' });
  await new Promise((done) => bait.once('spawn', done));
});
afterEach(async () => {
  bait.kill('SIGKILL');
  server.close();
  await rm(folder, { recursive: true, force: true });
  await t.dispose();
});

/** Attacks in every way that a scanner under foreign control would, and reports what worked as the version of the tool. */
function attack(input: string): string {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const [head = '', tail = ''] = EMPTY_SARIF.split('v8.0.0');
  return `
won=''
(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && won="$won network"
[ -n "$https_proxy$HTTPS_PROXY" ] && won="$won proxy"
for file in /proc/[0-9]*/environ; do
  { IFS= read -r -d '' line <"$file" && [ "$line" = TOKEN=${marker} ] && won="$won environment"; } 2>/dev/null
done
{ [ "$(cat ${folder}/secret)" = ${marker} ] && won="$won secret-file"; } 2>/dev/null
{ echo x >${folder}/planted && won="$won write-outside"; } 2>/dev/null
{ echo evil >${input}/planted && won="$won write-input"; } 2>/dev/null
{ echo evil >>"$0" && won="$won write-tool"; } 2>/dev/null
setsid /bin/sleep 77${port} >/dev/null 2>&1 &
printf '%s%s%s\\n' '${head}' "$won" '${tail}'
exit 1
`;
}

function left(): readonly string[] {
  const address = server.address();
  const argument = `77${typeof address === 'object' ? address?.port : 0}`;
  return readdirSync('/proc').filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0')[1] === argument;
    } catch {
      return false;
    }
  });
}

const won = (report: string) =>
  JSON.parse(report).runs[0].tool.driver.semanticVersion.trim().split(' ').filter(Boolean);

describe('a scanner under foreign control', () => {
  test('wins everything without the sandbox: the control', async () => {
    const tool = await fakeScanner(t.workspace, 'fake', attack(join(t.workspace, 'dist')));
    const child = spawn(tool, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin', https_proxy: PROXY },
    });
    let report = '';
    child.stdout.on('data', (chunk: Buffer) => {
      report += chunk.toString('utf8');
    });
    await new Promise((done) => child.once('close', done));
    expect(won(report)).toEqual(ATTACKS);
    expect(existsSync(join(folder, 'planted'))).toBe(true);
    while (left().length === 0) await new Promise((done) => setTimeout(done, 20));
    for (const id of left()) process.kill(Number(id), 'SIGKILL');
  });

  (canSandbox ? test : test.skip)('wins nothing in it, and leaves nothing but its report', async () => {
    const tool = await fakeScanner(t.workspace, 'fake', attack('/scan/input'));
    const texts = { scanners: 'gitleaks', path: 'dist', 'tool-paths': `gitleaks=${tool}` };
    process.env.https_proxy = PROXY;
    const outputs = await run(await t.inputs(definition, texts), t.context).finally(() => {
      delete process.env.https_proxy;
    });
    expect(won(await readFile(String(outputs['reports-path']), 'utf8'))).toEqual([]);
    expect(existsSync(join(folder, 'planted'))).toBe(false);
    expect(readdirSync(join(t.workspace, 'dist'))).toEqual(['app.js']);
    expect(left()).toEqual([]);
  });

  (canSandbox ? test : test.skip)('cannot see the scanner beside it, nor what that one writes', async () => {
    // In brackets, so that it does not find itself.
    const pattern = `[${marker.slice(0, 1)}]${marker.slice(1)}`;
    const watch = `${prints(EMPTY_SARIF)}
for n in 1 2 3 4 5 6; do
  grep -l '${pattern}' /proc/[0-9]*/cmdline /proc/[0-9]*/environ /tmp/* /build/* 2>/dev/null && exit 66
  sleep 0.2
done`;
    const busy = `echo ${marker} >/tmp/mine; exec -a ${marker} sleep 1`;
    const watcher = await fakeScanner(t.workspace, 'watcher', watch);
    const other = await fakeScanner(
      t.workspace,
      'other',
      `${prints('{"artifacts":[],"schema":{},"source":{}}')}\n${busy}`,
    );
    const texts = { scanners: 'gitleaks\nsyft', path: 'dist', 'tool-paths': `gitleaks=${watcher}\nsyft=${other}` };
    await expect(run(await t.inputs(definition, texts), t.context)).resolves.toBeDefined();
  });
});
