import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex } from '@paved/digest';
import type { ActionContext } from './action-context.js';
import { assertAssetDigest, downloadAsset, type FetchedTool, installTool, type ToolRequest } from './fetch-tool.js';
import { type LockedTool, lockedTool } from './tool-lock.js';

export type { FetchedTool } from './fetch-tool.js';
export { type LockedTool, lockedTool, readToolLock, type ToolLock, type ToolPlatform } from './tool-lock.js';

export interface FetchToolOptions extends ToolRequest {
  /**
   * Keep the asset in the job's cache (default false). Never in build, inspect or seal: the cache service unpacks what any job of
   * the branch may have written before the digest can be checked.
   */
  readonly cache?: boolean;
}

/**
 * Brings one tool of the lock onto this machine. The digest is checked on the bytes on disk, from the network and from the cache
 * alike, before anything is unpacked or made executable.
 * @throws {RunnerError} `TOOL_UNKNOWN`, `TOOL_UNCONFIRMED`, `TOOL_DIGEST_MISMATCH`, `TOOL_ARCHIVE_INVALID`
 */
export async function fetchLockedTool(context: ActionContext, options: FetchToolOptions): Promise<FetchedTool> {
  const tool = lockedTool(options.lock, options.name, options.platform);
  return await installTool(context, tool, await fetchAsset(context, options, tool));
}

async function fetchAsset(context: ActionContext, options: FetchToolOptions, tool: LockedTool): Promise<string> {
  if (!options.cache) {
    const path = join(await context.workDir(), 'asset');
    await downloadAsset(context, options, tool, path);
    return path;
  }
  // The cache's key covers the path, so it is the same in every job. Only a hash makes what lies there trusted.
  const folder = join(context.runner.temp, 'paved', 'tools', digestHex(tool.sha256));
  const path = join(folder, 'asset');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const cache = await import('@actions/cache');
  const key = `paved-tool-${tool.tool}-${digestHex(tool.sha256)}`;
  if ((await cache.restoreCache([path], key)) === key) {
    await assertAssetDigest(tool, path, 'the cache');
    context.log.info(`Took ${tool.tool} ${tool.version} from the cache`);
    return path;
  }
  await downloadAsset(context, options, tool, path);
  await cache.saveCache([path], key);
  return path;
}
