import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { array, object, parseJson, record, string } from '@paved/json';
import { ToolchainError } from '../error.js';
import { actionNames, isFile } from '../paths.js';
import { assertBundle } from './assert-bundle.js';
import type { CompiledEntry } from './compile-entry.js';
import { licenceTexts } from './licences.js';
import { CLIENT_ACTIONS, FETCH_ACTIONS, PROCESS_ACTIONS } from './process-actions.js';
import { createWorkbench } from './workbench.js';

export interface BundleOptions {
  /** The checkout, with its actions compiled to build/actions. */
  readonly root: string;
  /** Folder that becomes dist/. */
  readonly target: string;
  /** Names of the actions (default: all that have src/main.ts). */
  readonly actions?: readonly string[];
  readonly onBundled?: (action: string, bytes: number) => void;
}

const PARALLEL = 2;
const MAX_WORKER_OUTPUT = 4 * 1024 * 1024;
const run = promisify(execFile);
const decodeCompiled = object({ files: record(string), modules: array(string) });

/**
 * Writes `<target>/<action>/index.js`, `post.js` where there is one, and `licenses.txt`; same sources in, same bytes out, wherever
 * the checkout lies and whatever the umask is.
 * @throws {ToolchainError} `ACTION_UNKNOWN`, `BUNDLE_FAILED`, or what {@link assertBundle} refuses; that action's folder is left as it was
 */
export async function bundleActions(options: BundleOptions): Promise<readonly string[]> {
  const all = await actionNames(options.root, 'main.ts');
  const names = options.actions ?? all;
  for (const name of names) {
    if (!all.includes(name)) {
      throw new ToolchainError('ACTION_UNKNOWN', `Cannot bundle "${name}": there is no actions/${name}/src/main.ts`, {
        hint: `Name one of ${all.join(', ')}`,
      });
    }
  }
  await mkdir(options.target, { recursive: true });
  // One for all: bundles are ES modules, and the release tree has no other package.json.
  await writeText(join(options.target, 'package.json'), '{"type":"module"}\n');
  if (options.actions === undefined) await removeOthers(options.target, names);
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await bundleAction(options, name);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return names;
}

async function bundleAction(options: BundleOptions, name: string): Promise<void> {
  const allowsProcesses = PROCESS_ACTIONS.includes(name);
  const workbench = await createWorkbench(options.root, name);
  const files: Record<string, string> = {};
  const modules = new Set<string>();
  for (const [entry, fileName] of [
    ['main', 'index.js'],
    ['post', 'post.js'],
  ] as const) {
    if (entry === 'post' && !(await isFile(join(options.root, 'actions', name, 'src/post.ts')))) continue;
    const source = join(options.root, 'build/actions', name, 'src', `${entry}.js`);
    const compiled = await compile(name, source, fileName, workbench);
    assertLibraries(name, compiled.modules);
    addFiles(name, files, compiled.files);
    for (const module of compiled.modules) modules.add(module);
  }
  assertBundle(files, { action: name, allowsProcesses, root: options.root });
  const licences = await licenceTexts([...modules], options.root);
  const folder = join(options.target, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  for (const [file, text] of Object.entries(files)) await writeText(join(folder, file), text);
  await writeText(join(folder, 'licenses.txt'), licences);
  options.onBundled?.(name, Buffer.byteLength(files['index.js'] ?? ''));
}

async function compile(name: string, source: string, fileName: string, workbench: string): Promise<CompiledEntry> {
  const result = join(workbench, `${fileName}.json`);
  const worker = fileURLToPath(import.meta.resolve('./compile-worker.js'));
  const allowances = { processes: PROCESS_ACTIONS, fetch: FETCH_ACTIONS, client: CLIENT_ACTIONS };
  const mode = Object.entries(allowances).flatMap(([allowance, actions]) => (actions.includes(name) ? allowance : []));
  try {
    await run(process.execPath, [worker, source, fileName, mode.join(','), result], {
      cwd: workbench,
      maxBuffer: MAX_WORKER_OUTPUT,
    });
  } catch (cause) {
    throw new ToolchainError('BUNDLE_FAILED', `Cannot bundle ${fileName} of action "${name}": ncc failed`, {
      cause,
      hint: 'Run "npm run build" and read its errors first',
    });
  }
  return parseJson(`the bundle of "${name}"`, await readFile(result, 'utf8'), decodeCompiled);
}

/** Libraries that call what only some bundles have. */
const NEEDS = [
  { library: /\/@actions\/attest\//, list: 'FETCH_ACTIONS', actions: FETCH_ACTIONS },
  { library: /\/@actions\/(artifact|attest|cache|github)\//, list: 'CLIENT_ACTIONS', actions: CLIENT_ACTIONS },
] as const;

function assertLibraries(name: string, modules: readonly string[]): void {
  for (const { library, list, actions } of NEEDS) {
    const user = modules.find((module) => library.test(module));
    if (user === undefined || actions.includes(name)) continue;
    throw new ToolchainError(
      'BUNDLE_FAILED',
      `Cannot bundle action "${name}": it uses ${user.replace(/^.*node_modules\//, '')}`,
      { hint: `Name the action in ${list}, if its bundle may have what the library calls` },
    );
  }
}

/** Chunks are named by number: two entries may share one only when it is the same. */
function addFiles(name: string, files: Record<string, string>, added: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(added)) {
    if (files[file] !== undefined && files[file] !== text) {
      throw new ToolchainError('BUNDLE_FAILED', `Cannot bundle action "${name}": main and post disagree about ${file}`);
    }
    files[file] = text;
  }
}

/** An action that was removed leaves no bundle behind. */
async function removeOthers(target: string, names: readonly string[]): Promise<void> {
  for (const entry of await readdir(target, { withFileTypes: true })) {
    if (entry.isDirectory() && !names.includes(entry.name)) await rm(join(target, entry.name), { recursive: true });
  }
}

async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o644);
}
