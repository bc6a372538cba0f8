import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isActionInternal } from '../docs/load-definitions.js';
import { ToolchainError } from '../error.js';
import { filesBelow, isFile } from '../paths.js';

const ROOT_FILES = ['LICENSE', 'action-catalog.md', 'action-catalog.json'];

/**
 * The files that a release's tag points at (docs/architecture.md, "Releases"): manifests of the actions, a root alias for each that
 * is not internal, dist/, the workflows, catalog and licences. Nothing else, because every job downloads them.
 * @throws {ToolchainError} `RELEASE_INCOMPLETE` when one is missing or an action has no bundle
 */
export async function releaseFiles(root: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const add = async (path: string) => files.set(path, await readRequired(root, path));
  for (const path of ROOT_FILES) await add(path);
  for (const path of await filesBelow(join(root, 'dist'))) await add(`dist/${path}`);
  for (const path of await filesBelow(join(root, '.github/workflows'))) await add(`.github/workflows/${path}`);
  for (const entry of await readdir(join(root, 'actions'), { withFileTypes: true })) {
    const manifest = `actions/${entry.name}/action.yml`;
    if (!entry.isDirectory() || !(await isFile(join(root, manifest)))) continue;
    const text = await readRequired(root, manifest);
    files.set(manifest, text);
    if (!(await isActionInternal(root, entry.name))) files.set(`${entry.name}/action.yml`, rootAlias(text));
  }
  assertEntryPoints(files);
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Writes the files into an emptied `target`, with the same modes whatever the umask is. */
export async function writeReleaseTree(target: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await rm(target, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    const file = join(target, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    await chmod(file, 0o644);
  }
}

/** The same manifest one folder higher, so that `org/paved/<name>@v1` resolves. */
function rootAlias(manifest: Buffer): Buffer {
  return Buffer.from(manifest.toString('utf8').replaceAll('../../dist/', '../dist/'));
}

async function readRequired(root: string, path: string): Promise<Buffer> {
  return await readFile(join(root, path)).catch((cause: unknown) => {
    throw new ToolchainError('RELEASE_INCOMPLETE', `Cannot build the release tree: "${path}" is missing`, {
      cause,
      hint: 'Run "npm run bundle", "npm run docs" and "npm run render" first',
    });
  });
}

function assertEntryPoints(files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    if (!path.endsWith('/action.yml')) continue;
    for (const [, target = ''] of bytes.toString('utf8').matchAll(/^ {2}(?:main|post): (\S+)$/gm)) {
      const entry = join(dirname(path), target);
      if (files.has(entry)) continue;
      throw new ToolchainError('RELEASE_INCOMPLETE', `Cannot build the release tree: "${path}" names no file of it`, {
        hint: `Run "npm run bundle" to write ${entry}`,
      });
    }
  }
}
