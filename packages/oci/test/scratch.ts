import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
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
