import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunResult } from '@paved/local-runner';
import { publish } from '../../actions/hermetic-build/test/npm-registry.js';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { release } from '../demo/release.js';
import { openWorld, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const COMMAND = 'mkdir out; node -p "require(\'@acme/priv\')" > out/said';

let world: World;
let registry: Server;
let url: string;
const seen: (string | undefined)[] = [];

beforeAll(async () => {
  const priv = await publish({
    name: '@acme/priv',
    version: '1.0.0',
    files: { 'index.js': 'module.exports = "private";\n' },
  });
  registry = createServer(({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(headers.authorization === undefined ? 401 : 200).end(headers.authorization && priv.bytes);
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-private-')), isolation });
  const dependencies = { '@acme/priv': '1.0.0' };
  const root = { name: 'shop', version: '1.0.0', dependencies };
  const locked = { version: '1.0.0', integrity: priv.integrity };
  files = {
    'package.json': JSON.stringify(root),
    'package-lock.json': JSON.stringify({
      lockfileVersion: 3,
      packages: { '': root, 'node_modules/@acme/priv': locked },
    }),
  };
}, 60_000);
afterAll(async () => {
  registry.closeAllConnections();
  await new Promise((resolve) => registry.close(resolve));
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

let files: Record<string, string>;

/** The workflow that docs/hermetic-build.md shows, with the registry, the actions and the outputs of this test. */
function documentedWorkflow(): string {
  const page = readFileSync('docs/hermetic-build.md', 'utf8');
  const [, jobs = ''] = /^## Private registries$.*?^```yaml\n(jobs:\n.*?)^```$/ms.exec(page) ?? [];
  const text = jobs
    .replace('https://npm.example.com/', url)
    .replace('secrets.NPM_READ_TOKEN', 'secrets.GITHUB_TOKEN')
    .replace(/ +environment: .*\n/, '')
    .replaceAll('actions/checkout@<commit>', 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd')
    .replaceAll(/org\/paved\/([a-z-]+)@v1/g, 'org/paved/actions/$1@v1')
    .replace('command: npm run build', `command: ${JSON.stringify(COMMAND)}`)
    .replace('output-path: dist', 'output-path: out');
  return `name: private\non:\n  push:\n    branches: [main]\npermissions: {}\n${text}`;
}

async function act(workflow: string): Promise<RunResult> {
  const options = { ...OWNER, source: 'examples/node-package', inputs: {}, files, workflow };
  return await release(world, { caller: createProject(mkdtempSync(join(world.folder, 'caller-')), options) });
}

const resultsOf = ({ jobs }: RunResult) => Object.fromEntries(jobs.map(({ id, result }) => [id, result]));

test('the documented workflow fetches with a token in one job and builds without it in the next', async () => {
  const run = await act(documentedWorkflow());
  const logs = run.jobs
    .flatMap((job) => job.steps.map(({ name, outcome, log }) => `${name} ${outcome}\n${log}`))
    .join('\n');
  expect([resultsOf(run), logs]).toEqual([
    { fetch: 'success', build: 'success' },
    expect.stringContaining('Collected 1 outputs'),
  ]);
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatch(/^Bearer ghs_/);
  expect(logs).not.toContain((seen[0] ?? '').replace('Bearer ', ''));
}, 60_000);

test('and without the token the registry refuses (control)', async () => {
  const run = await act(documentedWorkflow().replace(/ +registry-token: .*\n/, ''));
  expect(resultsOf(run)).toEqual({ fetch: 'failure', build: 'skipped' });
}, 60_000);
