import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const bom = (purl: string) =>
  JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'library', name: 'x', purl }] });
const record = {
  id: 'GHSA-aaaa-bbbb-cccc',
  aliases: ['CVE-2025-0001'],
  modified: '2025-09-01T00:00:00Z',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'ms' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.1.3' }] }],
    },
  ],
};

describe('query', () => {
  let kit: TestContext;
  beforeEach(async () => {
    kit = await testContext({ action: 'query' });
    await mkdir(join(kit.workspace, 'store'));
    await writeFile(join(kit.workspace, 'osv.json'), JSON.stringify(record));
    await writeFile(join(kit.workspace, 'owners'), 'octo/app/* @octo/web\nocto/app/api @octo/api\n');
  });
  afterEach(() => kit.dispose());

  async function store(name: string, createdAt: string, files: Record<string, string>): Promise<string> {
    const manifest = JSON.stringify({
      mediaType: 'application/vnd.paved.evidence-manifest.v1+json',
      artifact: { name, architecture: 'amd64', subjects: [{ name, digest: sha256(name + createdAt) }] },
      run: {
        repository: 'octo/app',
        repositoryId: '1',
        sha: 'a'.repeat(40),
        ref: 'refs/tags/v1',
        runId: '1',
        runAttempt: '1',
      },
      createdAt,
      files: Object.entries(files).map(([path, text]) => ({
        path,
        size: text.length,
        sha256: sha256(text),
        mediaType: 'x',
      })),
    });
    const folder = join(kit.workspace, 'store', name, digestHex(sha256(manifest)));
    for (const [path, text] of Object.entries({ ...files, 'manifest.json': manifest })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return folder;
  }

  const SBOM = 'sboms/amd64/sbom-x-cyclonedx.json';
  const scan = (id: string) =>
    JSON.stringify({
      mediaType: 'application/vnd.paved.verdict.v1+json',
      findings: [{ id, aliases: [], package: { purl: 'pkg:npm/left', versions: ['1.0.0'] } }],
    });
  const ask = async (texts: Record<string, string>) => {
    const inputs = await kit.inputs(definition, { store: 'store', owners: 'owners', ...texts });
    const outputs = await run(inputs, kit.context);
    const answer = JSON.parse(await readFile(outputs['result-path'] ?? '', 'utf8')) as {
      hits: Record<string, unknown>[];
    };
    return {
      count: outputs.count,
      hits: answer.hits.map(({ artifact, packages, owners }) => ({ artifact, packages, owners })),
    };
  };
  const fill = async () => {
    await store('api', '2025-09-01T00:00:00Z', { [SBOM]: bom('pkg:npm/ms@2.1.2') });
    await store('web', '2025-09-05T00:00:00Z', {
      [SBOM]: bom('pkg:npm/ms@2.1.3'),
      'scans/amd64/scan-x.json': scan('CVE-2025-0001'),
    });
    await store('old', '2024-01-01T00:00:00Z', { [SBOM]: bom('pkg:npm/other@1.0.0') });
  };

  test('a package, in all versions or one', async () => {
    await fill();
    expect((await ask({ purl: 'pkg:npm/ms' })).count).toBe('2');
    expect(await ask({ purl: 'pkg:npm/ms@2.1.2' })).toEqual({
      count: '1',
      hits: [{ artifact: 'api', packages: [{ purl: 'pkg:npm/ms@2.1.2', because: 'inside' }], owners: ['@octo/api'] }],
    });
    expect((await ask({ purl: 'pkg:npm/nothing' })).count).toBe('0');
  });

  test('a CVE, from stored scans and from an advisory of today', async () => {
    await fill();
    expect((await ask({ cve: 'CVE-2025-0001' })).hits.map(({ artifact }) => artifact)).toEqual(['web']);
    expect((await ask({ cve: 'CVE-2025-0001', advisories: 'osv.json' })).hits).toEqual([
      { artifact: 'api', packages: [{ purl: 'pkg:npm/ms@2.1.2', because: 'advisory' }], owners: ['@octo/api'] },
      { artifact: 'web', packages: [{ purl: 'pkg:npm/left@1.0.0', because: 'scan' }], owners: ['@octo/web'] },
    ]);
  });

  test('however it is spelt', async () => {
    await fill();
    await store('scoped', '2025-09-01T00:00:00Z', { [SBOM]: bom('pkg:npm/%40octo/ms@1.0.0') });
    for (const purl of ['pkg:npm/@octo/ms', 'pkg:npm/%40octo/ms', 'pkg:npm/@octo/ms@1.0.0', 'pkg:npm/@octo/*']) {
      expect([purl, (await ask({ purl })).count]).toEqual([purl, '1']);
    }
    expect((await ask({ cve: 'cve-2025-0001', advisories: 'osv.json' })).count).toBe('2');
  });

  test('in every SBOM of a pack, whatever it is called', async () => {
    await store('two', '2025-09-01T00:00:00Z', {
      [SBOM]: bom('pkg:npm/a@1.0.0'),
      'sboms/arm64/sbom-x-cyclonedx.json': bom('pkg:npm/b@1.0.0'),
      'sboms/noarch/own.json': bom('pkg:npm/c@1.0.0'),
      [`${SBOM}.sigstore.json`]: '{}',
    });
    for (const name of ['a', 'b', 'c']) expect((await ask({ purl: `pkg:npm/${name}` })).count).toBe('1');
  });

  test('a pack without SBOM is no answer', async () => {
    await fill();
    await store('blind', '2025-09-01T00:00:00Z', { 'scans/amd64/scan-x.json': scan('CVE-2025-0001') });
    await expect(ask({ purl: 'pkg:npm/ms' })).rejects.toMatchObject({ code: 'SBOM_MISSING' });
  });

  test('as of a day', async () => {
    await fill();
    expect((await ask({ purl: 'pkg:npm/ms', at: '2025-09-01' })).hits.map(({ artifact }) => artifact)).toEqual(['api']);
    expect((await ask({ purl: 'pkg:npm/ms', at: '2025-08-31' })).count).toBe('0');
  });

  test.each<[string, Record<string, string>, string]>([
    ['no question', {}, 'INPUT_INVALID'],
    ['a name that is no package URL', { purl: 'ms' }, 'INPUT_INVALID'],
    ['an id that is none', { cve: '2025-0001' }, 'INPUT_INVALID'],
    ['a store that is not there', { purl: 'pkg:npm/ms', store: 'nowhere' }, 'STORE_UNREADABLE'],
    ['a store that is a file', { purl: 'pkg:npm/ms', store: 'owners' }, 'STORE_UNREADABLE'],
    ['a day that is none', { purl: 'pkg:npm/ms', at: 'yesterday' }, 'INPUT_INVALID'],
    ['an advisory about something else', { cve: 'CVE-2025-9999', advisories: 'osv.json' }, 'INPUT_INVALID'],
  ])('refuses %s', async (_what, texts, code) => {
    await fill();
    await expect(ask(texts)).rejects.toMatchObject({ code });
  });

  test('an empty store is no answer', async () => {
    await expect(ask({ purl: 'pkg:npm/ms' })).rejects.toMatchObject({ code: 'STORE_EMPTY' });
  });

  test.each([
    [SBOM, 'a changed SBOM'],
    ['manifest.json', 'a changed manifest'],
  ])('%s: %s is no answer', async (path) => {
    const folder = await store('api', '2025-09-01T00:00:00Z', { [SBOM]: bom('pkg:npm/ms@2.1.2') });
    const text = await readFile(join(folder, path), 'utf8');
    await writeFile(join(folder, path), text.replace('ms', 'mx').replace('api', 'apj'));
    await expect(ask({ purl: 'pkg:npm/ms' })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
