import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { array, boolean, object, parseJson, string } from '@paved/json';
import { ToolchainError } from '../error.js';
import { filesBelow, isFile } from '../paths.js';

const ROOT_FILES = ['LICENSE', 'action-catalog.md', 'action-catalog.json'];
const catalog = object({ actions: array(object({ name: string, internal: boolean })) });

/** Paths of a commit that {@link releaseFiles} looks at. */
export const RELEASED_PATHS = [...ROOT_FILES, 'dist', '.github/workflows', 'actions'] as const;

/**
 * The files that a release's tag points at (docs/releases.md): manifests of the actions, a root alias for each that the catalog does
 * not call internal, dist/, the workflows, catalog and licences. Nothing else, because every job downloads them.
 * @throws {ToolchainError} `RELEASE_INCOMPLETE` when one is missing, an action has no bundle, or the catalog does not name it
 */
export async function releaseFiles(root: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const add = async (path: string) => files.set(path, await readRequired(root, path));
  for (const path of ROOT_FILES) await add(path);
  for (const path of await filesBelow(join(root, 'dist'))) await add(`dist/${path}`);
  for (const path of await filesBelow(join(root, '.github/workflows'))) await add(`.github/workflows/${path}`);
  const listed = readCatalog(files.get('action-catalog.json') ?? Buffer.alloc(0));
  for (const entry of await readdir(join(root, 'actions'), { withFileTypes: true })) {
    const manifest = `actions/${entry.name}/action.yml`;
    if (!entry.isDirectory() || !(await isFile(join(root, manifest)))) continue;
    const text = await readRequired(root, manifest);
    files.set(manifest, text);
    const internal = listed.get(entry.name);
    if (internal === undefined) throw incomplete(`the catalog does not name "${entry.name}"`, 'npm run docs');
    if (!internal) files.set(`${entry.name}/action.yml`, rootAlias(text));
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

function readCatalog(bytes: Buffer): ReadonlyMap<string, boolean> {
  try {
    const { actions } = parseJson('action-catalog.json', bytes.toString('utf8'), catalog);
    return new Map(actions.map(({ name, internal }) => [name, internal]));
  } catch (cause) {
    throw incomplete('the catalog cannot be read', 'npm run docs', cause);
  }
}

/** The same manifest one folder higher, so that `org/paved/<name>@v1` resolves. */
function rootAlias(manifest: Buffer): Buffer {
  return Buffer.from(manifest.toString('utf8').replaceAll('../../dist/', '../dist/'));
}

async function readRequired(root: string, path: string): Promise<Buffer> {
  return await readFile(join(root, path)).catch((cause: unknown) => {
    throw incomplete(`"${path}" is missing`, 'npm run bundle, npm run docs and npm run render', cause);
  });
}

function assertEntryPoints(files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    if (!path.endsWith('/action.yml')) continue;
    for (const [, target = ''] of bytes.toString('utf8').matchAll(/^ {2}(?:main|post): (\S+)$/gm)) {
      const entry = join(dirname(path), target);
      if (!files.has(entry)) throw incomplete(`"${path}" names "${entry}", which is no file of it`, 'npm run bundle');
    }
  }
}

function incomplete(state: string, command: string, cause?: unknown): ToolchainError {
  return new ToolchainError('RELEASE_INCOMPLETE', `Cannot build the release tree: ${state}`, {
    cause,
    hint: `Run ${command} first, and commit what they write`,
  });
}
