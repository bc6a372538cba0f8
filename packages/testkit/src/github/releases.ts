import { createHash } from 'node:crypto';
import { type LoggedRequest, type Reply, readBody, startLoopback } from '../registry/loopback.js';

export interface ReleaseDouble {
  readonly id: number;
  readonly tag: string;
  draft: boolean;
  readonly assets: { readonly id: number; readonly name: string; bytes: Buffer; readonly digest: string }[];
}

/** Releases of one repository on loopback; tests change `releases` as somebody who can write would. */
export interface ReleasesDouble {
  readonly url: string;
  readonly tags: Set<string>;
  readonly releases: ReleaseDouble[];
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
}

export interface ReleasesOptions {
  readonly repository: string;
  readonly token: string;
  /** Runs after each upload. */
  readonly onUpload?: (release: ReleaseDouble) => void;
  /** Host that `upload_url` names (default: the service itself). */
  readonly uploadUrl?: string;
}

/** REST API of releases with asset storage behind a redirect, as github.com has it; the storage refuses to be shown a token. */
export async function startReleases(options: ReleasesOptions): Promise<ReleasesDouble> {
  const releases: ReleaseDouble[] = [];
  const tags = new Set<string>();
  let nextId = 1;
  const service = await startLoopback({ handle: async (request, url) => route(request.method ?? 'GET', url, request) });

  async function route(method: string, url: URL, request: Parameters<typeof readBody>[0]): Promise<Reply> {
    const storage = /^\/_storage\/(\d+)$/.exec(url.pathname);
    if (storage !== null) {
      const found = findAsset(Number(storage[1]));
      return found === undefined ? json(404, {}) : { status: 200, body: found.bytes };
    }
    if (request.headers.authorization !== `Bearer ${options.token}`) return json(401, { message: 'Bad credentials' });
    const path = url.pathname.replace(`/repos/${options.repository}/`, '');
    const body = await readBody(request);
    const [, id = '', rest = ''] = /^releases\/(\d+)(\/assets)?$/.exec(path) ?? [];
    const release = releases.find((candidate) => String(candidate.id) === id);
    if (path.startsWith('git/ref/tags/')) return json(tags.has(decodeURIComponent(path.slice(13))) ? 200 : 404, {});
    if (path === 'releases' && method === 'GET') return json(200, releases.map(document));
    if (path === 'releases' && method === 'POST') return json(201, document(create(body)));
    const asset = /^releases\/assets\/(\d+)$/.exec(path);
    if (asset !== null) return { status: 302, headers: { location: `${service.url}/_storage/${asset[1]}` } };
    if (release === undefined) return json(404, { message: 'Not Found' });
    if (rest === '/assets' && method === 'POST')
      return json(201, upload(release, url.searchParams.get('name') ?? '', body));
    if (method === 'DELETE') releases.splice(releases.indexOf(release), 1);
    if (method === 'PATCH') release.draft = (JSON.parse(body.toString('utf8')) as { draft: boolean }).draft;
    return method === 'DELETE' ? { status: 204 } : json(200, document(release));
  }

  function create(body: Buffer): ReleaseDouble {
    const { tag_name: tag, draft } = JSON.parse(body.toString('utf8')) as { tag_name: string; draft: boolean };
    const release = { id: nextId++, tag, draft, assets: [] };
    releases.push(release);
    return release;
  }

  function upload(release: ReleaseDouble, name: string, bytes: Buffer): unknown {
    const asset = { id: nextId++, name, bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
    release.assets.push(asset);
    options.onUpload?.(release);
    return assetDocument(asset);
  }

  function findAsset(id: number): ReleaseDouble['assets'][number] | undefined {
    return releases.flatMap(({ assets }) => assets).find((asset) => asset.id === id);
  }

  function document(release: ReleaseDouble): unknown {
    const address = `${options.uploadUrl ?? service.url}/repos/${options.repository}/releases/${release.id}/assets`;
    return {
      id: release.id,
      tag_name: release.tag,
      draft: release.draft,
      html_url: `https://github.com/${options.repository}/releases/tag/${release.tag}`,
      upload_url: `${address}{?name,label}`,
      assets: release.assets.map(assetDocument),
    };
  }

  return { url: service.url, tags, releases, requests: service.requests, close: () => service.close() };
}

function assetDocument({ id, name, bytes, digest }: ReleaseDouble['assets'][number]): unknown {
  return { id, name, size: bytes.length, state: 'uploaded', digest };
}

function json(status: number, value: unknown): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}
