import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseScans } from '@paved/gate';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { EMPTY_SARIF, fakeScanner, prints } from './fake-scanner.js';

const canSandbox = (await availableMethods()).some(({ available }) => available);
const whenSandboxed = canSandbox ? test : test.skip;

let t: TestContext;
beforeEach(async () => {
  t = await testContext({ action: 'scan' });
  await mkdir(join(t.workspace, 'dist'));
  await writeFile(join(t.workspace, 'dist/app.js'), 'app', { mode: 0o600 });
});
afterEach(() => t.dispose());

async function scan(texts: Readonly<Record<string, string>>) {
  return await run(await t.inputs(definition, texts), t.context);
}

async function gitleaks(script: string, more: Readonly<Record<string, string>> = {}) {
  const tool = await fakeScanner(t.workspace, 'fake', script);
  return await scan({ scanners: 'gitleaks', path: 'dist', 'tool-paths': `gitleaks=${tool}`, ...more });
}

describe('a scan', () => {
  test.each(['path', 'sbom'])('of a %s that is not there is no scan, also without scanners', async (name) => {
    await expect(scan({ [name]: 'dist/none' })).rejects.toMatchObject({ code: 'INPUT_MISSING' });
  });

  test('of nothing is a record without scans', async () => {
    await expect(scan({})).rejects.toMatchObject({ code: 'INPUT_MISSING' });
    const outputs = await scan({ path: 'dist' });
    expect(outputs['reports-path']).toBeUndefined();
    const folder = String(outputs['scans-path']);
    expect(await readdir(folder)).toEqual(['scans.json']);
    expect(parseScans(await readFile(join(folder, 'scans.json'), 'utf8')).scans).toEqual([]);
  });

  whenSandboxed('records what ran, over what, and the only file that left', async () => {
    const subject = `sha256:${'a'.repeat(64)}`;
    const script = `echo said >&2\n[ "$(cat /scan/input/app.js)" = app ] || exit 9\n${prints(EMPTY_SARIF)}\nexit 1`;
    const outputs = await gitleaks(script, { 'subject-digest': subject });
    const folder = String(outputs['scans-path']);
    expect((await readdir(folder)).sort()).toEqual(['gitleaks.json', 'scans.json']);
    expect(outputs['reports-path']).toBe(join(folder, 'gitleaks.json'));
    const report = await readFile(join(folder, 'gitleaks.json'));
    const program = await readFile(join(t.workspace, 'fake'));
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(parseScans(await readFile(join(folder, 'scans.json'), 'utf8')).scans).toEqual([
      {
        scanner: 'gitleaks',
        tool: { name: 'gitleaks', from: 'path', sha256: hash(program) },
        arguments: expect.arrayContaining(['dir', '/scan/input', '--report-format=sarif']),
        databases: [],
        isolation: expect.stringMatching(/^(root|sudo|user-namespace)$/),
        subject,
        exitStatus: 1,
        startedAt: expect.stringMatching(/Z$/),
        durationMs: expect.any(Number),
        output: { kind: 'report', path: 'gitleaks.json', size: report.length, sha256: hash(report) },
      },
    ]);
  });

  whenSandboxed.each([
    ['a status that means nothing', 'exit 3', 'SCANNER_FAILED'],
    ['a panic after half a report', `${prints(EMPTY_SARIF.slice(0, 40))}\necho panic >&2; exit 2`, 'SCANNER_FAILED'],
    ['a crash', 'kill -SEGV $$', 'SCANNER_CRASHED'],
    ['a crash after a whole report', `${prints(EMPTY_SARIF)}\nkill -KILL $$`, 'SCANNER_CRASHED'],
    ['no report', 'exit 0', 'SCANNER_OUTPUT_EMPTY'],
    ['no report but findings', 'exit 1', 'SCANNER_OUTPUT_EMPTY'],
    ['a blank report', 'echo', 'SCANNER_OUTPUT_INVALID'],
    ['half a report and success', prints(EMPTY_SARIF.slice(0, -9)), 'SCANNER_OUTPUT_INVALID'],
    ['an empty object', prints('{}'), 'SCANNER_OUTPUT_INVALID'],
    ['a report in the format of another', prints('{"SchemaVersion":2,"ArtifactName":"x"}'), 'SCANNER_OUTPUT_INVALID'],
  ])('with %s is an error of its own', async (_, script, code) => {
    await expect(gitleaks(script)).rejects.toMatchObject({ code });
  });

  whenSandboxed('that does not end, or writes without end, is stopped', async () => {
    await expect(gitleaks('sleep 600', { timeout: '2s' })).rejects.toMatchObject({ code: 'SCANNER_TIMEOUT' });
    await expect(gitleaks('exec cat /dev/zero', { 'max-report-bytes': '1000000' })).rejects.toMatchObject({
      code: 'SCANNER_OUTPUT_TOO_LARGE',
    });
    // The control: exactly as much as is allowed passes.
    const size = String(EMPTY_SARIF.length + 1);
    await expect(gitleaks(prints(EMPTY_SARIF), { 'max-report-bytes': size })).resolves.toBeDefined();
  });

  whenSandboxed('tells of every scanner that gave no answer, and hands on no report', async () => {
    const good = await fakeScanner(t.workspace, 'good', prints(EMPTY_SARIF));
    const bad = await fakeScanner(t.workspace, 'bad', 'echo "\u001b[31m::error::no disk" >&2; exit 7');
    const inputs = { path: 'dist', scanners: 'gitleaks\nsyft', 'tool-paths': `gitleaks=${good}\nsyft=${bad}` };
    await expect(scan(inputs)).rejects.toMatchObject({
      code: 'SCANNER_FAILED',
      message: expect.stringMatching(/syft: it ended with status 7 \("::error::no disk"\)/),
    });
    const both = { ...inputs, 'tool-paths': `gitleaks=${bad}\nsyft=${bad}` };
    await expect(scan(both)).rejects.toMatchObject({ message: expect.stringMatching(/gitleaks: .*; .*syft: /) });
  });

  whenSandboxed('takes what syft writes as a document, not as a report', async () => {
    const tool = await fakeScanner(t.workspace, 'fake', prints('{"artifacts":[],"schema":{},"source":{}}'));
    const outputs = await scan({ scanners: 'syft', path: 'dist', 'tool-paths': `syft=${tool}` });
    expect(outputs['reports-path']).toBeUndefined();
    expect(outputs['documents-path']).toBe(join(String(outputs['scans-path']), 'syft.json'));
    await fakeScanner(t.workspace, 'fake', prints('{"artifacts":7}'));
    await expect(scan({ scanners: 'syft', path: 'dist', 'tool-paths': `syft=${tool}` })).rejects.toMatchObject({
      code: 'SCANNER_OUTPUT_INVALID',
    });
  });

  test.each([
    ['an unknown scanner', { scanners: 'nmap' }, 'INPUT_INVALID'],
    ['a scanner twice', { scanners: 'gitleaks\ngitleaks' }, 'INPUT_INVALID'],
    ['no path', { scanners: 'gitleaks' }, 'INPUT_MISSING'],
    ['no SBOM', { scanners: 'osv-scanner' }, 'INPUT_MISSING'],
    ['no database', { scanners: 'osv-scanner', sbom: 'sbom.json' }, 'DATABASE_MISSING'],
    [
      'a program that is not there',
      { scanners: 'gitleaks', path: 'dist', 'tool-paths': 'gitleaks=/nothing' },
      'INPUT_INVALID',
    ],
    ['a relative program', { scanners: 'gitleaks', path: 'dist', 'tool-paths': 'gitleaks=fake' }, 'INPUT_INVALID'],
    ['a program for nobody', { scanners: 'gitleaks', path: 'dist', 'tool-paths': 'grype=/bin/true' }, 'INPUT_INVALID'],
    [
      'a server without https',
      { scanners: 'gitleaks', path: 'dist', 'tool-urls': 'http://example.com/' },
      'INPUT_INVALID',
    ],
    ['a time that is none', { scanners: 'gitleaks', path: 'dist', 'as-of': 'now' }, 'INPUT_INVALID'],
  ])('refuses %s', async (_, texts, code) => {
    await writeFile(join(t.workspace, 'sbom.json'), '{}');
    const more = texts.scanners === 'osv-scanner' ? { 'tool-paths': 'osv-scanner=/bin/true' } : {};
    await expect(scan({ ...more, ...texts } as Record<string, string>)).rejects.toMatchObject({ code });
  });

  whenSandboxed('copies what is scanned, and changes nothing of it', async () => {
    await symlink('/etc/passwd', join(t.workspace, 'dist/link'));
    const script = `stat -c %a /scan/input/app.js >&2; [ -L /scan/input/link ] || exit 9\ngrep -q root /scan/input/link && grep -qv build /etc/passwd\n${prints(EMPTY_SARIF)}`;
    await gitleaks(script);
    const info = await readFile(join(t.workspace, 'dist/app.js'), 'utf8');
    expect(info).toBe('app');
  });

  whenSandboxed('refuses a database that is too old, and takes the next mirror', async () => {
    const zip = Buffer.concat([Buffer.from('504b0304', 'hex'), Buffer.from('rest')]);
    await writeFile(join(t.workspace, 'old.zip'), zip);
    await writeFile(join(t.workspace, 'new.zip'), zip);
    await writeFile(join(t.workspace, 'page.zip'), '<html>');
    await writeFile(join(t.workspace, 'sbom.json'), '{}');
    const old = new Date('2020-01-01T00:00:00Z');
    await utimes(join(t.workspace, 'old.zip'), old, old);
    const tool = await fakeScanner(
      t.workspace,
      'fake',
      `[ -f /scan/databases/osv-scanner/Go/all.zip ] || exit 9\n${prints('{"results":[]}')}`,
    );
    const inputs = { scanners: 'osv-scanner', sbom: 'sbom.json', 'tool-paths': `osv-scanner=${tool}` };
    const withDatabases = (databases: string, more = {}) => scan({ ...inputs, databases, ...more });
    await expect(withDatabases('osv-scanner:Go old.zip')).rejects.toMatchObject({ code: 'DATABASE_STALE' });
    await expect(withDatabases('osv-scanner:Go page.zip')).rejects.toMatchObject({ code: 'DATABASE_MALFORMED' });
    await expect(withDatabases('osv-scanner:Go old.zip page.zip gone.zip')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringMatching(/limit is 168 h.*no zip archive.*no such file/),
    });
    await expect(
      withDatabases('osv-scanner:Go new.zip', { 'database-age': 'osv-scanner=1s', 'as-of': '2999-01-01T00:00:00Z' }),
    ).rejects.toMatchObject({ code: 'DATABASE_STALE' });
    const outputs = await withDatabases('osv-scanner:Go gone.zip old.zip new.zip');
    const { scans } = parseScans(await readFile(join(String(outputs['scans-path']), 'scans.json'), 'utf8'));
    expect(scans[0]?.databases).toEqual([
      {
        provider: 'osv-scanner:Go',
        source: 'new.zip',
        sha256: createHash('sha256').update(zip).digest('hex'),
        modifiedAt: expect.any(String),
        fetchedAt: expect.any(String),
      },
    ]);
    await expect(withDatabases('osv-scanner:Go old.zip', { 'as-of': '2020-01-02T00:00:00Z' })).resolves.toBeDefined();
    for (const line of [
      'npm new.zip',
      'osv-scanner new.zip',
      'osv-scanner:../x new.zip',
      'osv-scanner:Go',
      'grype a',
    ]) {
      await expect(withDatabases(line)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
  });
});
