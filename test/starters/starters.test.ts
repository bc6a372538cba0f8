import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openLayout, readPlatform } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { parse } from 'yaml';
import { definition } from '../../actions/hermetic-build/src/definition.js';
import { run } from '../../actions/hermetic-build/src/run.js';
import { ROOT, readStarter } from './starter.js';

const NAMES = readdirSync(join(ROOT, 'workflows/starters')).map((file) => file.replace(/\.yml$/, ''));

describe.each(NAMES)('the starter %s', (name) => {
  const { jobs, inputs } = readStarter(name);

  test('calls workflows of the platform by commit, with inputs that they have and permissions that they use', () => {
    for (const { uses, permissions, with: given } of Object.values(jobs)) {
      const [, workflow = ''] = /^org\/paved\/\.github\/workflows\/([a-z-]+\.yml)@[0-9a-f]{40}$/.exec(uses) ?? [];
      const called = parse(readFileSync(join(ROOT, '.github/workflows', workflow), 'utf8'));
      expect(Object.keys(called.on.workflow_call.inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
      const used = Object.values(called.jobs as Record<string, { permissions: Record<string, string> }>);
      expect(permissions).toEqual(Object.assign({}, ...used.map((job) => job.permissions)));
    }
  });

  test('has a project with the lock file that it names', () => {
    const folder = join(ROOT, inputs['source-path'] ?? '');
    expect(existsSync(join(folder, inputs.lockfile ?? 'package-lock.json'))).toBe(true);
  });
});

interface Project {
  readonly name: string;
  readonly program: readonly [string, ...string[]];
  /** Changes one digest of the lock file, where it has one. */
  readonly change?: (lock: string) => string;
}

const flip = (lock: string, pattern: RegExp) =>
  lock.replace(
    pattern,
    (_all, head: string, digit: string) => `${head}${digit === 'A' || digit === '0' ? '1' : digit === '1' ? '0' : 'A'}`,
  );
const GO = 'go';
const PROJECTS: readonly Project[] = [
  { name: 'node-package', program: ['npm', '--version'], change: (lock) => flip(lock, /(sha512-)(.)/) },
  { name: 'container', program: [GO, 'version'] },
  { name: 'go-binary', program: [GO, 'version'], change: (lock) => flip(lock, /(v1\.5\.0 h1:)(.)/) },
  {
    name: 'rust-binary',
    program: ['cargo', '--version'],
    change: (lock) => lock.replace('checksum = "5', 'checksum = "4'),
  },
  {
    name: 'python-wheel',
    program: ['python3', '-I', '-m', 'pip', '--version'],
    change: (lock) => lock.replaceAll(/sha256:[0-9a-f]/g, 'sha256:0').replaceAll(/sha256:0(.)/g, 'sha256:f$1'),
  },
];

/** Fetches and builds the copy of a starter's project, as its workflow would. */
async function act(host: TestContext, name: string, texts: Record<string, string>) {
  const { inputs } = readStarter(name);
  const chosen = ['lockfile', 'command', 'output-path', 'image'].flatMap((key) =>
    inputs[key] === undefined ? [] : [[key, inputs[key]]],
  );
  const given = { ...Object.fromEntries(chosen), 'source-path': host.workspace, ...texts };
  return await run(await host.inputs(definition, given), host.context);
}

async function copyOf(name: string): Promise<TestContext> {
  const host = await testContext({ action: 'hermetic-build' });
  const filter = (path: string) => !/\/(node_modules|dist)(\/|$)/.test(path);
  cpSync(join(ROOT, readStarter(name).inputs['source-path'] ?? ''), host.workspace, { recursive: true, filter });
  return host;
}

/** Why a project cannot be built here: no toolchain, no registry, no sandbox. */
async function obstacle({ name, program: [command, ...args] }: Project): Promise<string> {
  if (spawnSync(command, args, { stdio: 'ignore' }).status !== 0) return `no ${command}`;
  const host = await copyOf(name);
  try {
    await act(host, name, { phase: 'fetch' });
    return '';
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'SANDBOX_UNAVAILABLE' || code === 'HTTP_UNREACHABLE' || code === 'HTTP_TIMEOUT') return code;
    return '';
  } finally {
    await host.dispose();
  }
}

const obstacles = await Promise.all(PROJECTS.map(obstacle));

describe.each(PROJECTS.map((project, index) => ({ ...project, why: obstacles[index] ?? '' })))(
  'the project of $name',
  ({ name, change, why }) => {
    const online = why === '' ? test : test.skip;
    const reason = why === '' ? '' : ` (skipped: ${why})`;

    online(
      `is fetched and built without network${reason}`,
      async () => {
        const host = await copyOf(name);
        try {
          const built = await act(host, name, {});
          const record = join(built['build-record-path'] ?? '', 'build-record.json');
          expect(JSON.parse(await readFile(record, 'utf8')).outputs).toHaveLength(name === 'container' ? 2 : 1);
          if (name === 'container') {
            const layoutPath = built['artifact-path'] ?? '';
            await expectImage(layoutPath, join(record, '..'));
            const script = readStarter(name).inputs.test ?? '';
            const given = { phase: 'test', 'layout-path': layoutPath, 'test-script': script };
            const tested = await act(host, name, given);
            const path = join(tested['record-path'] ?? '', 'application-test.json');
            expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
              result: 'passed',
              run: { scriptStatus: 0 },
            });
          }
          if (name === 'go-binary') expectGoBuild(join(built['artifact-path'] ?? '', 'module-report'));
        } finally {
          await host.dispose();
        }
      },
      480_000,
    );

    const locked = change === undefined ? test.skip : online;
    locked(
      `is refused after one digest of its lock file changed${reason}`,
      async () => {
        const host = await copyOf(name);
        try {
          const path = join(host.workspace, readStarter(name).inputs.lockfile ?? 'package-lock.json');
          const before = readFileSync(path, 'utf8');
          writeFileSync(path, change?.(before) ?? before);
          expect(readFileSync(path, 'utf8')).not.toBe(before);
          await expect(act(host, name, { phase: 'fetch' })).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
        } finally {
          await host.dispose();
        }
      },
      120_000,
    );
  },
);

/** An index of two platforms, and nothing for the image rules to find. */
async function expectImage(layoutPath: string, recordPath: string): Promise<void> {
  const layout = await openLayout(layoutPath);
  const platforms = await Promise.all(layout.manifests.map((manifest) => readPlatform(layout, manifest)));
  const architectures = platforms.flatMap((platform) => platform?.architecture ?? []);
  expect(architectures).toEqual(['amd64', 'arm64']);
  const sarif = JSON.parse(await readFile(join(recordPath, 'image-rules.sarif'), 'utf8'));
  expect(sarif.runs[0].results).toEqual([]);
}

/** What the Go command itself reads out of the binary. */
function expectGoBuild(binary: string): void {
  const { stdout } = spawnSync(GO, ['version', '-m', binary], { encoding: 'utf8' });
  const sums = readFileSync(join(ROOT, 'examples/go-binary/go.sum'), 'utf8');
  const dependencies = [...stdout.matchAll(/^\tdep\t(\S+)\t(\S+)\t(\S+)$/gm)].map(([, ...parts]) => parts.join(' '));
  expect(dependencies).toHaveLength(2);
  for (const line of dependencies) expect(sums).toContain(line);
  for (const setting of ['-trimpath=true', 'CGO_ENABLED=0']) expect(stdout).toContain(`\tbuild\t${setting}\n`);
  // With -trimpath the linker's flags are not recorded; what -s and -w leave out is not there.
  const bytes = readFileSync(binary, 'latin1');
  for (const section of ['.symtab', '.debug_info', '.zdebug_info']) expect(bytes).not.toContain(section);
  expect(bytes).not.toContain('/build/main.go');
}
