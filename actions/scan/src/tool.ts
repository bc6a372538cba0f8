import { chmod, copyFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { digestHex, sha256File } from '@paved/digest';
import type { ScanRecord } from '@paved/gate';
import type { ActionContext } from '@paved/runner-kit';
import { fetchLockedTool, type ToolLock, type ToolPlatform } from '@paved/runner-kit/tools';
import { assignments } from './assignments.js';
import { ScanError } from './error.js';

export interface ToolOptions {
  /** `tool=path` lines. */
  readonly paths: readonly string[];
  /** Servers of release assets, in the order in which they are asked. */
  readonly urls: readonly string[];
  readonly lock: ToolLock;
  readonly cache: boolean;
}

/** One program on this machine, alone in a folder, its bytes hashed. */
export interface Tool {
  readonly path: string;
  readonly record: ScanRecord['tool'];
}

/**
 * Brings every named tool here: the caller's own program, or the locked one. A server that does not answer is passed over; one that
 * answers with other bytes ends the run, because that is an attack and not an outage.
 * @throws {RunnerError} `TOOL_UNKNOWN`, `TOOL_UNCONFIRMED`, `TOOL_DIGEST_MISMATCH`; {@link ScanError} `INPUT_INVALID`
 */
export async function bringTools(
  names: ReadonlySet<string>,
  options: ToolOptions,
  context: ActionContext,
): Promise<ReadonlyMap<string, Tool>> {
  const own = assignments('tool-paths', options.paths, names);
  const brought = [...names].map(async (name): Promise<readonly [string, Tool]> => {
    const path = own.get(name);
    return [name, path === undefined ? await lockedTool(name, options, context) : await ownTool(name, path, context)];
  });
  return new Map(await Promise.all(brought));
}

async function ownTool(name: string, path: string, context: ActionContext): Promise<Tool> {
  const refuse = (state: string) =>
    new ScanError('INPUT_INVALID', `Cannot run ${name} from "${path.slice(0, 200)}": ${state}`, {
      hint: 'Name the absolute path of one program',
    });
  if (!isAbsolute(path)) throw refuse('the path is not absolute');
  const source = await realpath(path).catch(() => undefined);
  if (source === undefined || !(await stat(source)).isFile()) throw refuse('there is no such file');
  // A copy: what is hashed is what runs, whoever can write to the original.
  const copy = join(await context.workDir(), name);
  await copyFile(source, copy);
  await chmod(copy, 0o555);
  return { path: copy, record: { name, from: 'path', sha256: digestHex(await sha256File(copy)) } };
}

async function lockedTool(name: string, { lock, urls, cache }: ToolOptions, context: ActionContext): Promise<Tool> {
  const platform = hostPlatform();
  const servers = urls.length === 0 ? ['https://github.com/'] : urls;
  for (const [index, server] of servers.entries()) {
    try {
      const tool = await fetchLockedTool(context, { name, platform, lock, baseUrl: serverUrl(server), cache });
      await chmod(tool.path, 0o555);
      const [sha256, assetSha256] = [digestHex(tool.digest), digestHex(tool.assetDigest)];
      return { path: tool.path, record: { name, from: 'lock', version: tool.version, sha256, assetSha256 } };
    } catch (error) {
      if (index === servers.length - 1 || !isOutage(error)) throw error;
      context.log.notice(`Cannot take ${name} from server ${index + 1} of ${servers.length}; asking the next one`);
    }
  }
  throw new ScanError('INPUT_INVALID', `Cannot get ${name}: no server is named`, {
    hint: 'Name at least one server, or leave the input out',
  });
}

function isOutage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('HTTP_');
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url?.protocol === 'http:' && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url !== undefined && (url.protocol === 'https:' || loopback) && url.username === '' && url.search === '')
    return url;
  throw new ScanError('INPUT_INVALID', 'Cannot use a line of tool-urls: it is no https URL without credentials', {
    hint: 'Name servers as https://mirror.example/',
  });
}

function hostPlatform(): ToolPlatform {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (process.platform === 'linux' && architecture !== undefined) return `linux/${architecture}` as ToolPlatform;
  throw new ScanError('PLATFORM_UNSUPPORTED', `Cannot run scanners on ${process.platform}/${process.arch}`, {
    hint: 'Run the job on Linux, amd64 or arm64; the sandbox needs its namespaces',
  });
}
