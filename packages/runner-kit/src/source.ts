import { constants, createReadStream } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DigestError, DigestStream, digestHex, LimitStream } from '@paved/digest';
import { redactUrl } from '@paved/http';
import type { ActionContext } from './action-context.js';
import { RunnerError } from './error.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const DOWNLOAD_TIMEOUT_MS = 60_000;

/** One file that was taken from elsewhere. */
export interface Taken {
  readonly source: string;
  readonly sha256: string;
  /** RFC 3339; Last-Modified of the server or time of the file, absent where the server does not say. */
  readonly modifiedAt?: string;
}

interface Opened {
  readonly stream: Readable;
  readonly source: string;
  readonly modifiedAt?: string;
}

/**
 * Copies a URL's body or a file to `target`, hashed on the way and cut off at `maxBytes`. No credential is sent; redirects are
 * followed to public hosts only.
 * @throws {RunnerError} `SOURCE_INVALID`, `DATABASE_TOO_LARGE`
 */
export async function take(text: string, target: string, maxBytes: number, context: ActionContext): Promise<Taken> {
  const { stream, source, modifiedAt } = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? await openUrl(text, context)
    : await openFile(text, context);
  const hash = new DigestStream();
  const handle = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await pipeline(stream, new LimitStream(`"${source}"`, maxBytes), hash, handle.createWriteStream());
  } catch (cause) {
    if (!(cause instanceof DigestError)) throw cause;
    throw new RunnerError('DATABASE_TOO_LARGE', `Cannot take "${source}": it has more than ${maxBytes} bytes`, {
      cause,
      hint: 'Raise the limit (max-database-bytes) if the size is right',
    });
  }
  return { source, sha256: digestHex(hash.digest), ...(modifiedAt === undefined ? {} : { modifiedAt }) };
}

async function openUrl(text: string, { http }: ActionContext): Promise<Opened> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url === undefined || !secure || url.username !== '' || url.password !== '') {
    const shown = url === undefined ? 'a URL' : redactUrl(url);
    throw new RunnerError('SOURCE_INVALID', `Cannot download ${shown}: it is no https URL without credentials`, {
      hint: 'Name an https URL; http is for loopback hosts alone',
    });
  }
  const response = await http.request({ method: 'GET', url, redirect: 'follow', timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const modified = Date.parse(response.header('last-modified') ?? '');
  return {
    stream: response.body,
    source: redactUrl(url),
    ...(Number.isNaN(modified) ? {} : { modifiedAt: new Date(modified).toISOString() }),
  };
}

async function openFile(text: string, { runner }: ActionContext): Promise<Opened> {
  const refuse = (state: string) =>
    new RunnerError('SOURCE_INVALID', `Cannot take "${text.slice(0, 200)}": ${state}`, {
      hint: 'Name an https URL, or a file in the workspace or the folder of temporary files',
    });
  const path = await realpath(resolve(runner.workspace, text)).catch(() => undefined);
  if (path === undefined) throw refuse('there is no such file');
  const scopes = await Promise.all([realpath(runner.workspace), realpath(runner.temp)]);
  if (!scopes.some((scope) => isInside(scope, path))) throw refuse('it lies outside the workspace');
  const info = await stat(path);
  if (!info.isFile()) throw refuse('it is no regular file');
  return { stream: createReadStream(path), source: text, modifiedAt: info.mtime.toISOString() };
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
