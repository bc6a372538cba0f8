import type { HttpClient } from '@paved/http';
import { array, object, optional, parseJson, string } from '@paved/json';
import { HermeticBuildError } from '../error.js';

/** A file that an index offers. The index is not trusted: only the digest in the lock file makes it acceptable. */
export interface OfferedFile {
  readonly name: string;
  readonly url: URL;
  /** As the index states it, to choose among files before any is fetched. */
  readonly sha256: string;
}

const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const ACCEPT = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';
const document = object({
  files: array(object({ filename: string, url: string, hashes: object({ sha256: optional(string) }) })),
});

/**
 * Files of one project that an index states a sha256 for, in JSON (PEP 691) or HTML (PEP 503).
 * @throws {HermeticBuildError} `REGISTRY_ANSWER`
 */
export async function offeredFiles(http: HttpClient, index: URL, name: string): Promise<readonly OfferedFile[]> {
  const url = new URL(`${name}/`, index);
  const headers = { accept: ACCEPT };
  const answer = await http.request({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS, redirect: 'follow' });
  const text = await answer.text(MAX_BYTES);
  return text.trimStart().startsWith('{') ? fromJson(name, text, answer.url) : fromHtml(text, answer.url);
}

function fromJson(name: string, text: string, base: URL): readonly OfferedFile[] {
  const { files } = parseJson(`the index of "${name}"`, text, document);
  return files.flatMap(({ filename, url, hashes }) => offered(filename, url, hashes.sha256 ?? '', base));
}

/** Anchors alone are read; nothing of the page is rendered or run. */
function fromHtml(text: string, base: URL): readonly OfferedFile[] {
  return [...text.matchAll(/<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([^<]*)<\/a>/gi)].flatMap((match) => {
    const href = (match[1] ?? match[2] ?? '').replaceAll('&amp;', '&');
    const sha256 = /#(?:.*&)?sha256=([0-9a-f]{64})/.exec(href)?.[1] ?? '';
    return offered((match[3] ?? '').trim(), href, sha256, base);
  });
}

function offered(name: string, href: string, sha256: string, base: URL): readonly OfferedFile[] {
  if (!/^[0-9a-f]{64}$/.test(sha256) || !URL.canParse(href, base.href)) return [];
  const url = new URL(href, base);
  url.hash = '';
  const local = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) {
    throw new HermeticBuildError(
      'DEPENDENCY_INSECURE',
      `Cannot fetch "${name.slice(0, 200)}": its address is not https`,
      { hint: 'Use an index that serves its files over https' },
    );
  }
  return [{ name, url, sha256 }];
}
