import { type Digest, parseDigest } from '@paved/digest';
import { array, integer, literal, object, optional, readJsonFile, refine, string } from '@paved/json';
import { RunnerError } from './error.js';
import { quote } from './plain-text.js';

const MIN_AGREEMENT = 2;

/** `<operating system>/<architecture>` in the words of OCI. */
export type ToolPlatform = 'linux/amd64' | 'linux/arm64';

export interface LockedTool {
  readonly tool: string;
  readonly version: string;
  readonly platform: ToolPlatform;
  /** Path of the release asset below the server, without a leading slash. */
  readonly path: string;
  /** Digest of the asset as it is served. */
  readonly sha256: Digest;
  /** Path of the program inside a .tar.gz asset; absent when the asset is the program. */
  readonly executable?: string;
  /** Number of independent public sources that give this digest. */
  readonly agreement: number;
}

export interface ToolLock {
  readonly tools: readonly LockedTool[];
}

const assetPath = refine(string, (path) => {
  if (!/^[\w.-]+(\/[\w.-]+)+$/.test(path) || path.split('/').includes('..'))
    throw new Error('it is not a release path');
  return path;
});

const decodeLock = object({
  mediaType: literal('application/vnd.paved.tools-lock.v1+json'),
  tools: array(
    object({
      tool: refine(string, (name) => {
        if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error('it is not the name of a tool');
        return name;
      }),
      version: string,
      platform: literal('linux/amd64', 'linux/arm64'),
      path: assetPath,
      sha256: refine(string, (hex) => parseDigest(`sha256:${hex}`)),
      executable: optional(string),
      agreement: integer,
    }),
  ),
});

/** Reads tools.lock.json. @throws {RunnerError} `TOOL_LOCK_INVALID` */
export async function readToolLock(path: string): Promise<ToolLock> {
  try {
    return await readJsonFile(path, decodeLock);
  } catch (cause) {
    throw new RunnerError('TOOL_LOCK_INVALID', `Cannot read the lock of tools ${quote(path)}`, {
      cause,
      hint: 'Restore tools.lock.json from the repository',
    });
  }
}

/** @throws {RunnerError} `TOOL_UNKNOWN`, or `TOOL_UNCONFIRMED` for a digest that fewer than two independent sources give */
export function lockedTool(lock: ToolLock, name: string, platform: ToolPlatform): LockedTool {
  const found = lock.tools.filter((entry) => entry.tool === name && entry.platform === platform);
  const [tool] = found;
  if (tool === undefined || found.length > 1) {
    throw new RunnerError(
      'TOOL_UNKNOWN',
      `Cannot get ${quote(name)} for ${platform}: it has ${found.length} entries in the lock`,
      {
        hint: 'Add one entry to tools.lock.json, with a digest that two independent sources give',
      },
    );
  }
  if (tool.agreement < MIN_AGREEMENT) {
    throw new RunnerError(
      'TOOL_UNCONFIRMED',
      `Cannot get ${quote(name)} for ${platform}: ${tool.agreement} source gives its digest`,
      {
        hint: 'Find a second independent source of the digest, or bring your own binary',
      },
    );
  }
  return tool;
}
