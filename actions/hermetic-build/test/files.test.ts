import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { readFiles } from '../src/files/files-project.js';
import { run } from '../src/run.js';
import { type FileServer, startFileServer } from './file-server.js';
import { sha256Hex } from './python-sample.js';
import { writeFiles } from './write-files.js';

const ready = (await availableMethods()).some(({ available }) => available);
const inSandbox = ready ? test : test.skip;
const BYTES = Buffer.from('a file\n');
const HEX = sha256Hex(BYTES);

let host: TestContext;
let server: FileServer;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  server = await startFileServer({ '/data/list.txt': BYTES });
});
afterEach(async () => {
  await server.close();
  await host.dispose();
});

const lockOf = (url: string, hex = HEX, more = '') =>
  `metadata: { version: "1.0" }\nartifacts:\n  - download_url: ${url}\n    checksum: sha256:${hex}\n${more}`;

async function act(texts: Record<string, string> = {}) {
  const command = 'mkdir out; cp "$PAVED_FILES/list.txt" out/';
  const common = { 'source-path': host.workspace, 'private-hosts': new URL(server.url).host };
  const given = { ...common, lockfile: 'artifacts.lock.yaml', command, 'output-path': 'out' };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}

describe('plain files', () => {
  inSandbox('are fetched by checksum and found by the command', async () => {
    await writeFiles(host.workspace, { 'artifacts.lock.yaml': lockOf(`${server.url}/data/list.txt`) });
    const outputs = await act();
    expect((await readFile(join(outputs['artifact-path'] ?? '', 'list.txt'))).equals(BYTES)).toBe(true);
    const text = await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8');
    expect(parseFetchManifest(text).packages).toMatchObject([
      { purl: `pkg:generic/list.txt@${HEX}`, ecosystem: 'purl:generic', lockDigest: `sha256:${HEX}` },
    ]);
  });

  test('are refused after one digit of the checksum changed', async () => {
    const changed = `${HEX.startsWith('0') ? '1' : '0'}${HEX.slice(1)}`;
    await writeFiles(host.workspace, { 'artifacts.lock.yaml': lockOf(`${server.url}/data/list.txt`, changed) });
    await expect(act({ phase: 'fetch', isolation: 'none' })).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
  });

  test.each([
    ['http', lockOf('http://example.invalid/x')],
    ['a password', lockOf('https://user:pw@example.invalid/x')],
    ['md5', lockOf('https://example.invalid/x').replace('sha256:', 'md5:')],
    ['a name that leads out', lockOf('https://example.invalid/x', HEX, '    filename: ../x\n')],
    ['an encoded name that leads out', lockOf('https://example.invalid/a/%2e%2e%2fx')],
    [
      'one name twice',
      lockOf(
        'https://example.invalid/x',
        HEX,
        `  - download_url: https://example.invalid/y/x\n    checksum: sha256:${HEX}\n`,
      ),
    ],
    ['an alias bomb', `a: &a [1]\nb: *a\n${lockOf('https://example.invalid/x')}`],
    ['no YAML', ':\n  - ['],
  ])('with %s are refused', (name, text) => {
    // basename() of the decoded path keeps the last segment alone, which cannot lead out.
    if (name === 'an encoded name that leads out') expect(readFiles(text)[0]?.name).toBe('x');
    else expect(() => readFiles(text)).toThrow();
  });
});
