import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type ArtifactService, type HandoffErrorCode, receiveHandover, sendHandover } from '@paved/handoff';
import { FolderService, OTHER_DIGEST } from './folder-service.js';
import { tar } from './tar-builder.js';

let service: FolderService;
let source: string;
beforeAll(async () => {
  service = await FolderService.open();
});
afterAll(() => service.close());
beforeEach(async () => {
  source = await mkdtemp(service.path('workspace', 'source-'));
});

async function fill(folder: string): Promise<void> {
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'b.txt'), 'b');
  await writeFile(join(folder, 'sub', 'run.sh'), '#!/bin/sh\necho ok\n');
  await chmod(join(folder, 'sub', 'run.sh'), 0o750);
  await writeFile(join(folder, 'a-é-empty'), '');
}

function send(path: string, options: { name?: string; caps?: { maxBytes?: number; maxFiles?: number } } = {}) {
  return sendHandover({ path, name: 'files', workFolder: service.path('temp'), ...options }, service);
}

function expectCode(action: Promise<unknown>, code: HandoffErrorCode): Promise<void> {
  return expect(action).rejects.toMatchObject({ code });
}

describe('send', () => {
  test('then receive gives the same files, bytes and executable bits, and no others', async () => {
    await fill(source);
    const sent = await send(source);
    expect(sent).toMatchObject({ files: 3, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    const targetFolder = service.path('temp', 'round-trip');
    const { artifactId, digest } = sent;
    const received = await receiveHandover(
      { artifactId, digest, targetFolder, workspace: service.path('workspace') },
      service,
    );
    expect(received.files).toEqual(['a-é-empty', 'b.txt', 'sub/run.sh']);
    expect(await readFile(join(targetFolder, 'sub', 'run.sh'), 'utf8')).toContain('echo ok');
    expect((await stat(join(targetFolder, 'sub', 'run.sh'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(targetFolder, 'b.txt'))).mode & 0o777).toBe(0o644);
    expect(
      (await readdir(service.path('temp'))).filter((name) => name.startsWith('.') || name.startsWith('send')),
    ).toEqual([]);
  });

  test('is deterministic whatever the times, order and other mode bits', async () => {
    await fill(source);
    const other = await mkdtemp(service.path('workspace', 'other-'));
    await writeFile(join(other, 'a-é-empty'), '');
    await fill(other);
    await utimes(join(other, 'b.txt'), 1, 1);
    await chmod(join(other, 'b.txt'), 0o600);
    expect((await send(other)).digest).toBe((await send(source)).digest);
    await chmod(join(other, 'b.txt'), 0o700);
    expect((await send(other)).digest).not.toBe((await send(source)).digest);
  });

  test('writes what tar reads', async () => {
    await fill(source);
    await writeFile(join(source, `${'long'.repeat(40)}.txt`), 'x');
    const { artifactId } = await send(source);
    const listing = execFileSync('tar', ['-t', '-f', service.path('store', String(artifactId))], { encoding: 'utf8' });
    expect(listing.split('\n')).toContain('sub/run.sh');
    expect(listing.split('\n')).toContain(`${'long'.repeat(40)}.txt`);
  });

  test('takes one file', async () => {
    await fill(source);
    expect(await send(join(source, 'b.txt'))).toMatchObject({ files: 1 });
  });

  test.each<readonly [string, HandoffErrorCode, (folder: string) => Promise<unknown>, object]>([
    ['a symbolic link', 'HANDOFF_FILE_REFUSED', (folder) => symlink('/etc/passwd', join(folder, 'l')), {}],
    ['a named pipe', 'HANDOFF_FILE_REFUSED', async (folder) => execFileSync('mkfifo', [join(folder, 'p')]), {}],
    ['a name with a backslash', 'HANDOFF_FILE_REFUSED', (folder) => writeFile(join(folder, 'a\\b'), ''), {}],
    ['names that collide', 'HANDOFF_FILE_REFUSED', (folder) => writeFile(join(folder, 'B.TXT'), ''), {}],
    [
      'too many bytes',
      'HANDOFF_TOO_LARGE',
      (folder) => writeFile(join(folder, 'x'), 'x'.repeat(4096)),
      { caps: { maxBytes: 4096 } },
    ],
    ['too many files', 'HANDOFF_TOO_LARGE', async () => undefined, { caps: { maxFiles: 2 } }],
    ['a name that is a path', 'HANDOFF_NAME_INVALID', async () => undefined, { name: '../x' }],
  ])('refuses %s', async (_name, code, change, options) => {
    await fill(source);
    await change(source);
    await expectCode(send(source, options), code);
    expect((await readdir(service.path('temp'))).filter((name) => name.startsWith('send'))).toEqual([]);
  });

  test('refuses nothing, and what is not there', async () => {
    await mkdir(join(source, 'empty'));
    await expectCode(send(source), 'HANDOFF_EMPTY');
    await expectCode(send(join(source, 'absent')), 'HANDOFF_MISSING');
  });

  test('refuses when the service says that it took other bytes', async () => {
    await fill(source);
    const lying: ArtifactService = {
      list: () => service.list(),
      download: (id, folder) => service.download(id, folder),
      upload: async () => ({ id: 1, sha256: '0'.repeat(64) }),
    };
    await expectCode(
      sendHandover({ path: source, name: 'x', workFolder: service.path('temp') }, lying),
      'HANDOFF_DIGEST_MISMATCH',
    );
  });

  test('hands a hard link over as the file that it is', async () => {
    await fill(source);
    await link(join(source, 'b.txt'), join(source, 'c.txt'));
    expect(await send(source)).toMatchObject({ files: 4 });
  });
});

describe('receive', () => {
  const bytes = tar({ name: 'a.txt', body: 'hello' });

  test('refuses another digest before it opens the archive', async () => {
    expect(await service.receive(bytes, { digest: OTHER_DIGEST })).toBe('HANDOFF_DIGEST_MISMATCH');
    expect(await service.receive(Buffer.from('not an archive'), { digest: OTHER_DIGEST })).toBe(
      'HANDOFF_DIGEST_MISMATCH',
    );
    expect(await service.receive(bytes)).toEqual(['a.txt']);
  });

  test('refuses the workspace, also behind a link', async () => {
    const inside = service.path('workspace', 'inside');
    expect(await service.receive(bytes, { targetFolder: inside })).toBe('HANDOFF_INSIDE_WORKSPACE');
    await symlink(service.path('workspace'), service.path('temp', 'link'));
    const behind = service.path('temp', 'link', 'inside');
    expect(await service.receive(bytes, { targetFolder: behind })).toBe('HANDOFF_INSIDE_WORKSPACE');
    expect(await service.receive(bytes, { targetFolder: service.path('workspace') })).not.toEqual(['a.txt']);
  });

  test('refuses a target that exists', async () => {
    const targetFolder = service.path('temp', 'exists');
    await mkdir(targetFolder);
    expect(await service.receive(bytes, { targetFolder })).toBe('HANDOFF_TARGET_EXISTS');
  });

  test('holds its limits', async () => {
    expect(await service.receive(bytes, { caps: { maxBytes: bytes.length } })).toEqual(['a.txt']);
    expect(await service.receive(bytes, { caps: { maxBytes: bytes.length - 1 } })).toBe('HANDOFF_TOO_LARGE');
    const two = tar({ name: 'a' }, { name: 'b' });
    expect(await service.receive(two, { caps: { maxFiles: 1 } })).toBe('HANDOFF_TOO_LARGE');
    const deep = tar({ name: `${'a/'.repeat(7)}x` });
    expect(await service.receive(deep, { caps: { maxFiles: 2 } })).toEqual([`${'a/'.repeat(7)}x`]);
    expect(await service.receive(deep, { caps: { maxFiles: 1 } })).toBe('HANDOFF_ARCHIVE_REFUSED');
  });
});
