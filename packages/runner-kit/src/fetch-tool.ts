import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Digest, LimitStream, sha256File } from '@paved/digest';
import { extract } from 'tar-stream';
import type { ActionContext } from './action-context.js';
import { RunnerError } from './error.js';
import { quote } from './plain-text.js';
import { type LockedTool, lockedTool, type ToolLock, type ToolPlatform } from './tool-lock.js';

export { type LockedTool, lockedTool, type ToolLock, type ToolPlatform } from './tool-lock.js';

export interface ToolRequest {
  readonly name: string;
  readonly platform: ToolPlatform;
  readonly lock: ToolLock;
  /** Server of the release assets (default https://github.com/). */
  readonly baseUrl?: URL;
}

export interface FetchedTool {
  /** The program, alone in a fresh folder; mode 0500. */
  readonly path: string;
  readonly version: string;
  /** Digest of the asset, as locked. */
  readonly assetDigest: Digest;
  /** Digest of the program that runs. */
  readonly digest: Digest;
}

const MAX_ASSET_BYTES = 512 * 1024 * 1024;
const MAX_PROGRAM_BYTES = 1024 * 1024 * 1024;

/**
 * Brings one tool of the lock onto this machine, from the server alone. For the action that runs user code: with `tools` its bundle
 * would have the client of the job's cache.
 * @throws {RunnerError} `TOOL_UNKNOWN`, `TOOL_UNCONFIRMED`, `TOOL_DIGEST_MISMATCH`, `TOOL_ARCHIVE_INVALID`
 */
export async function fetchTool(context: ActionContext, request: ToolRequest): Promise<FetchedTool> {
  const tool = lockedTool(request.lock, request.name, request.platform);
  const asset = join(await context.workDir(), 'asset');
  await downloadAsset(context, request, tool, asset);
  return await installTool(context, tool, asset);
}

/** Makes the program out of an asset whose digest was checked, and removes the asset. */
export async function installTool(context: ActionContext, tool: LockedTool, asset: string): Promise<FetchedTool> {
  const path = join(await context.workDir(), tool.tool);
  if (tool.executable === undefined) await rename(asset, path);
  else {
    await extractProgram(asset, tool, tool.executable, path);
    await rm(asset);
  }
  await chmod(path, 0o500);
  return { path, version: tool.version, assetDigest: tool.sha256, digest: await sha256File(path) };
}

export async function downloadAsset(
  context: ActionContext,
  request: ToolRequest,
  tool: LockedTool,
  path: string,
): Promise<void> {
  const url = new URL(tool.path, request.baseUrl ?? 'https://github.com/');
  const response = await context.http.request({ method: 'GET', url, redirect: 'follow' });
  await pipeline(
    response.body,
    new LimitStream(`the asset of ${tool.tool}`, MAX_ASSET_BYTES),
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
  );
  await assertAssetDigest(tool, path, 'the server');
}

export async function assertAssetDigest(tool: LockedTool, path: string, source: string): Promise<void> {
  const actual = await sha256File(path);
  if (actual === tool.sha256) return;
  await rm(path);
  throw new RunnerError(
    'TOOL_DIGEST_MISMATCH',
    `Cannot use ${tool.tool} ${tool.version} from ${source}: its digest is ${actual}, expected ${tool.sha256}`,
    { hint: 'Do not run it; find out who changed the bytes, and delete the cache entry if they came from there' },
  );
}

/** Takes exactly one regular file out of the archive; no other entry touches the disk. */
async function extractProgram(asset: string, tool: LockedTool, member: string, path: string): Promise<void> {
  let found = 0;
  const refuse = (state: string, cause?: unknown) =>
    new RunnerError('TOOL_ARCHIVE_INVALID', `Cannot take ${quote(member)} out of the asset of ${tool.tool}: ${state}`, {
      cause,
      hint: 'Update the lock of tools: the archive of this version is made up in another way',
    });
  try {
    const archive = extract();
    const unpacked = pipeline(
      createReadStream(asset),
      createGunzip(),
      new LimitStream(asset, MAX_PROGRAM_BYTES),
      archive,
    );
    // Its failure also ends the loop below, which reports it.
    unpacked.catch(() => {});
    for await (const entry of archive) {
      if (entry.header.name.replace(/^\.\//, '') === member && entry.header.type === 'file') {
        found++;
        await pipeline(entry, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      } else entry.resume();
    }
    await unpacked;
  } catch (cause) {
    throw refuse('it is no such archive', cause);
  }
  if (found !== 1) throw refuse(`it has ${found} such files`);
}
