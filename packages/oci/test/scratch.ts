import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { type Header, pack } from 'tar-stream';
import { buildArtifactLayout, type OciLayout, openLayout } from '../src/index.js';

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A fresh folder, removed after the test. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-oci-'));
  folders.push(folder);
  return folder;
}

/** A layout of the given files, built and opened. */
export async function layoutOf(contents: Readonly<Record<string, string>>): Promise<OciLayout> {
  const [source, target] = [await scratch(), await scratch()];
  const files = Object.keys(contents).map((name, position) => ({ name, path: join(source, String(position)) }));
  for (const { name, path } of files) await writeFile(path, contents[name] ?? '');
  await buildArtifactLayout(files, { artifactType: 'application/vnd.test.files' }, target);
  return await openLayout(target);
}

export type TarMember = readonly [Partial<Header> & { readonly name: string }, string | Buffer];

/** An archive of the given members, in their order. */
export async function tarOf(members: readonly TarMember[]): Promise<string> {
  const archive = pack();
  for (const [header, body] of members) {
    if (header.type === undefined || header.type === 'file') archive.entry(header as Header, body);
    else archive.entry(header as Header);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = join(await scratch(), 'layout.tar');
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

/** The files of a layout, as members of an archive. */
export async function membersOf(layoutPath: string): Promise<[{ name: string }, Buffer][]> {
  const names = [
    'oci-layout',
    'index.json',
    ...(await readdir(join(layoutPath, 'blobs/sha256'))).map((hex) => `blobs/sha256/${hex}`),
  ];
  return await Promise.all(
    names.map(async (name): Promise<[{ name: string }, Buffer]> => [{ name }, await readFile(join(layoutPath, name))]),
  );
}
