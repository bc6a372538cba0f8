import { appendFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { ARTIFACT, AS_OF, fetched, type Scenario, scenario } from './scenario.js';

describe('collect', () => {
  let s: Scenario;
  let server: Server;
  let url: string;
  const requests: { path: string | undefined; authorization: string | undefined }[] = [];

  beforeEach(async () => {
    s = await scenario();
    requests.length = 0;
    server = createServer(async (request, response) => {
      requests.push({ path: request.url, authorization: request.headers.authorization });
      const file = { '/go.zip': 'go.zip', '/kev.json': 'kev.json' }[request.url ?? ''];
      if (file === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'last-modified': 'Mon, 25 Aug 2025 12:00:00 GMT' });
      response.end(await readFile(join(s.kit.workspace, file)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await s.kit.dispose();
  });

  const collect = (texts: Record<string, string>) => s.run({ mode: 'collect', ...texts });
  const gate = (folder: string | undefined, texts: Record<string, string> = {}) =>
    s.verdict({ 'osv-database': '', kev: '', 'inspection-path': folder ?? '', ...texts });

  test('writes down where each byte came from, and the gate decides over it', async () => {
    await s.sboms([fetched('Go', 'stdlib', '1.13.3')]);
    const outputs = await collect({
      'osv-database': `Go=${url}/go.zip`,
      kev: `${url}/kev.json`,
      'github-token': 'ghs_secret',
    });
    const folder = outputs['inspection-path'] ?? '';
    const inspection = JSON.parse(await readFile(join(folder, 'inspection.json'), 'utf8'));
    expect(inspection).toMatchObject({
      mediaType: 'application/vnd.paved.inspection.v1+json',
      databases: [
        {
          kind: 'osv',
          ecosystem: 'Go',
          path: 'osv-Go.zip',
          source: `${url}/go.zip`,
          sha256: sha256(await readFile(join(s.kit.workspace, 'go.zip'))).slice(7),
          modifiedAt: '2025-08-25T12:00:00.000Z',
        },
        { kind: 'kev', path: 'kev.json', modifiedAt: '2025-08-25T12:00:00.000Z' },
      ],
      reports: [],
    });
    expect(requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    expect(await gate(folder)).toMatchObject({ verdict: 'fail', findings: [{ id: 'CVE-2020-0601', rule: 'kev' }] });
  });

  test('databases of two places are refused, because one of them would be silently ignored', async () => {
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    const { 'inspection-path': folder } = await collect({ kev: 'kev.json' });
    await expect(gate(folder, { kev: 'kev.json' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('a report is bound to its digest', async () => {
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    await s.write('r.json', await readFile('test/fixtures/osv-json/results-empty.json'));
    const texts = { 'osv-database': 'Go=go.zip', kev: 'kev.json', reports: 'r.json' };
    const own = await collect({ ...texts, 'subject-digest': sha256(ARTIFACT) });
    expect((await gate(own['inspection-path'])).verdict).toBe('pass');
    const other = await collect({ ...texts, 'subject-digest': sha256('another artifact') });
    await expect(gate(other['inspection-path'])).rejects.toMatchObject({ code: 'REPORT_SUBJECT_MISMATCH' });
  });

  test.each<[string, (folder: string) => Promise<unknown>, string]>([
    [
      'a database of which one byte changed',
      (folder) => appendFile(join(folder, 'osv-Go.zip'), 'x'),
      'INSPECTION_INVALID',
    ],
    ['a database that is gone', (folder) => rm(join(folder, 'osv-Go.zip')), 'INSPECTION_INVALID'],
    ['no document', (folder) => rm(join(folder, 'inspection.json')), 'FILE_UNREADABLE'],
    ['a truncated document', (folder) => writeFile(join(folder, 'inspection.json'), '{'), 'JSON_MALFORMED'],
    [
      'a document that points elsewhere',
      async (folder) => {
        const path = join(folder, 'inspection.json');
        await writeFile(path, (await readFile(path, 'utf8')).replace('"osv-Go.zip"', '"../../go.zip"'));
      },
      'JSON_UNEXPECTED',
    ],
    [
      'a link in place of the document',
      async (folder) => {
        const path = join(folder, 'inspection.json');
        await rm(path);
        await symlink(join(s.kit.workspace, 'kev.json'), path);
      },
      'FILE_UNREADABLE',
    ],
  ])('the gate refuses %s', async (_what, change, code) => {
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    const { 'inspection-path': folder = '' } = await collect({ 'osv-database': 'Go=go.zip', kev: 'kev.json' });
    expect((await gate(folder)).verdict).toBe('pass');
    await change(folder);
    await expect(gate(folder)).rejects.toMatchObject({ code });
  });

  test.each<[string, Record<string, string>, string]>([
    ['a line without ecosystem', { 'osv-database': 'go.zip' }, 'INPUT_INVALID'],
    ['an ecosystem twice', { 'osv-database': 'Go=go.zip\nGo=go.zip' }, 'INPUT_INVALID'],
    ['an ecosystem that is a path', { 'osv-database': '../x=go.zip' }, 'INPUT_INVALID'],
    ['a file outside', { kev: '/etc/hostname' }, 'SOURCE_INVALID'],
    ['a file that is not there', { kev: 'nothing.json' }, 'SOURCE_INVALID'],
    ['plain http', { kev: 'http://example.com/kev.json' }, 'SOURCE_INVALID'],
    ['another scheme', { kev: 'file:///etc/passwd' }, 'SOURCE_INVALID'],
    ['a URL with a password', { kev: 'https://u:p@example.com/kev.json' }, 'SOURCE_INVALID'],
    ['a database above the limit', { 'osv-database': 'Go=go.zip', 'max-database-bytes': '100' }, 'DATABASE_TOO_LARGE'],
  ])('refuses %s', async (_what, texts, code) => {
    await expect(collect(texts)).rejects.toMatchObject({ code });
  });

  test('a server that does not have it is an error', async () => {
    await expect(collect({ kev: `${url}/other.json` })).rejects.toMatchObject({ code: 'HTTP_STATUS' });
  });

  test('uses the same time for everything', async () => {
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    expect((await s.verdict()).asOf).toBe(AS_OF);
  });
});
