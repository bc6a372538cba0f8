import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseBuildRecord } from '@paved/attestation';
import { sha256File } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { type Registry, startNpmRegistry } from './npm-registry.js';
import { type SampleProject, sampleProject, writeProject } from './sample-project.js';

const methods = await availableMethods();
const sandboxed = methods.some(({ available }) => available);
const inSandbox = sandboxed ? test : test.skip;
const why = sandboxed ? '' : ` (skipped: ${methods.map(({ reason }) => reason).join('')})`;

let host: TestContext;
let project: SampleProject;
let registry: Registry;

beforeEach(async () => {
  host = await testContext({
    action: 'hermetic-build',
    facts: { ref: 'refs/heads/$(touch pwned)', refName: '$(touch pwned)' },
  });
  project = await sampleProject();
  registry = await startNpmRegistry(project.packages);
});
afterEach(async () => {
  await registry.close();
  await host.dispose();
});

async function build(command: string, texts: Record<string, string> = {}) {
  const given = { command, 'output-path': 'out', 'source-path': host.workspace, 'registry-url': registry.url };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}

async function output(outputs: Awaited<ReturnType<typeof build>>, name: string): Promise<string> {
  return await readFile(join(outputs['artifact-path'] ?? '', name), 'utf8');
}

describe(`the build phase${why}`, () => {
  inSandbox('runs the command over a copy at a fixed path, with the locked packages installed', async () => {
    await writeProject(host.workspace, project, {
      'run.sh': 'echo from the source\n',
      '.git/HEAD': 'a'.repeat(40),
      'node_modules/stale/x': '',
    });
    const outputs = await build(`mkdir out
      { pwd; sh run.sh; cat node_modules/leaf/index.js; ls -a | tr '\\n' ' '; ls node_modules/.bin node_modules | tr '\\n' ' '; } > out/seen
      node_modules/.bin/scoped > out/bin 2>&1 || true
      env | sort > out/env`);
    expect(await output(outputs, 'seen')).toMatchSnapshot();
    const environment = (await output(outputs, 'env')).replace(/^PATH=.*$/m, 'PATH=...');
    expect(environment).toMatchSnapshot();
    expect(await readFile(join(host.workspace, 'package-lock.json'), 'utf8')).toContain('"lockfileVersion":3');
    const recordPath = join(outputs['build-record-path'] ?? '', 'build-record.json');
    const record = parseBuildRecord(await readFile(recordPath, 'utf8'));
    expect(record).toMatchObject({ exitStatus: 0, outputs: [{ path: 'bin' }, { path: 'env' }, { path: 'seen' }] });
    expect(record.log.sha256).toBe(await sha256File(join(recordPath, '..', record.log.path)));
    expect(existsSync(join(host.workspace, 'out'))).toBe(false);
  });

  inSandbox('is the same twice, whatever the folder is called', async () => {
    await writeProject(host.workspace, project, { 'a.txt': 'a' });
    const command =
      'mkdir out; find . -path ./out -prune -o -printf "%p %m %s %l %y\\n" | sort > out/tree; stat -c "%n %Y" a.txt node_modules/leaf/index.js >> out/tree';
    const [first, second] = [await build(command), await build(command)];
    expect(first['artifact-path']).not.toBe(second['artifact-path']);
    expect(await output(first, 'tree')).toBe(await output(second, 'tree'));
  });

  inSandbox('fails with the last lines, and tells a missing network from other faults', async () => {
    await writeProject(host.workspace, project);
    await expect(build('echo one; echo two >&2; exit 3')).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringMatching(/ended with 3; its last lines: one \| two/),
    });
    await expect(build('echo npm error code ENOTCACHED; exit 1')).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      hint: expect.stringContaining('no network'),
    });
  });

  inSandbox('stops a command that takes too long, with all that it started', async () => {
    await writeProject(host.workspace, project);
    await expect(build('sleep 3600 & sleep 3600', { timeout: '1s' })).rejects.toMatchObject({ code: 'BUILD_TIMEOUT' });
  });

  inSandbox('fails on a pipe whose first part fails, where bash is there', async () => {
    await writeProject(host.workspace, project);
    if (!existsSync('/bin/bash')) return;
    await expect(build('mkdir out; false | tee out/x')).rejects.toMatchObject({ code: 'BUILD_FAILED' });
  });

  inSandbox('needs its outputs', async () => {
    await writeProject(host.workspace, project);
    await expect(build('true')).rejects.toMatchObject({ code: 'OUTPUT_MISSING' });
    await expect(build('ln -s /etc out')).rejects.toMatchObject({ code: 'OUTPUT_UNSAFE' });
    await expect(build('true', { 'output-path': '' })).rejects.toMatchObject({ code: 'COMMAND_MISSING' });
  });

  inSandbox(
    'works from a bundle that was fetched before, and refuses one that was changed or is incomplete',
    async () => {
      await writeProject(host.workspace, project);
      const fetched = await build('true', { phase: 'fetch' });
      const bundle = fetched['bundle-path'] ?? '';
      const texts = { phase: 'build', 'bundle-path': bundle, 'registry-url': '' };
      await registry.close();
      await build('mkdir out; touch out/x', texts);
      const leaf = project.packages.find(({ name }) => name === 'tool');
      const hex = Buffer.from((leaf?.integrity ?? '').slice('sha512-'.length), 'base64').toString('hex');
      await writeFile(join(bundle, `${hex}.tgz`), 'planted');
      await expect(build('true', texts)).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
      const empty = join(host.temp, 'empty');
      await mkdir(empty);
      await expect(build('true', { ...texts, 'bundle-path': empty })).rejects.toMatchObject({
        code: 'BUNDLE_INCOMPLETE',
      });
      await expect(build('true', { ...texts, 'bundle-path': '' })).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
    },
  );

  inSandbox('never installs through a link of the repository', async () => {
    const outside = join(host.temp, 'outside');
    await mkdir(outside);
    await writeProject(host.workspace, project);
    project.lock['packages/part/node_modules/leaf'] = { ...project.lock['node_modules/leaf'] };
    project.lock['other/part/node_modules/leaf'] = { ...project.lock['node_modules/leaf'] };
    project.lock['other/part'] = {};
    project.manifest.workspaces = ['packages/*', 'other/*'];
    project.lock[''] = { ...project.manifest };
    const dependent = { name: 'o', version: '1.0.0', dependencies: { leaf: '^1.0.0' } };
    project.lock['other/part'] = dependent;
    await writeProject(host.workspace, project, { 'other/part/package.json': JSON.stringify(dependent) });
    const fetched = await build('true', { phase: 'fetch' });
    await symlink(outside, join(host.workspace, 'packages/part/node_modules'));
    const texts = { phase: 'build', 'bundle-path': fetched['bundle-path'] ?? '' };
    await build('mkdir out; touch out/x', texts);
    expect(existsSync(join(outside, 'leaf'))).toBe(false);
  });
});

test('isolation none says so, is recorded as not hermetic and still scrubs the environment', async () => {
  await writeProject(host.workspace, project);
  const outputs = await build('mkdir out; env | cut -d= -f1 | sort > out/env; sleep 600 & echo $! > out/pid', {
    isolation: 'none',
  });
  expect(host.lines.filter((line) => line.startsWith('::warning::NOT HERMETIC'))).toHaveLength(2);
  expect(await output(outputs, 'env')).not.toMatch(/GITHUB|RUNNER|ACTIONS|INPUT/);
  // A dead process that nobody has waited for yet has an empty command line.
  const commandLine = await readFile(`/proc/${(await output(outputs, 'pid')).trim()}/cmdline`, 'utf8').catch(() => '');
  expect(commandLine).toBe('');
  const report = JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'isolation-report.json'), 'utf8'));
  expect(report).toMatchObject({ method: 'none', hermetic: false });
});
