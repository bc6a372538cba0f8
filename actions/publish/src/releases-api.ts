import { type Digest, sha256 } from '@paved/digest';
import type { HttpClient, HttpRequest, HttpResponse } from '@paved/http';
import { array, boolean, type Decoder, integer, nullable, object, optional, string } from '@paved/json';
import type { Asset } from './assets.js';
import { PublishError } from './error.js';

const asset = object({ id: integer, name: string, state: string, size: integer, digest: optional(nullable(string)) });
const release = object({
  id: integer,
  tag_name: string,
  draft: boolean,
  html_url: string,
  upload_url: string,
  assets: array(asset),
});

export type Release = ReturnType<typeof release>;
export type UploadedAsset = ReturnType<typeof asset>;

const PER_PAGE = 100;
const MAX_PAGES = 100;
const MAX_ASSET_BYTES = 2 * 1024 ** 3;

/** Releases of one repository. The token goes to the API and to its uploads host, and to no address that an answer names besides. */
export class ReleasesApi {
  readonly #http: HttpClient;
  readonly #root: string;
  readonly #apiUrl: URL;
  readonly #token: string;

  constructor(http: HttpClient, apiUrl: string, repository: string, token: string) {
    this.#http = http;
    this.#apiUrl = new URL(apiUrl);
    this.#root = `${apiUrl.replace(/\/$/, '')}/repos/${repository}`;
    this.#token = token;
  }

  async tagExists(tag: string): Promise<boolean> {
    const response = await this.#send({
      method: 'GET',
      url: `${this.#root}/git/ref/tags/${encodeURIComponent(tag)}`,
      accept: (status) => status === 200 || status === 404,
    });
    response.discard();
    return response.status === 200;
  }

  /** Drafts included: the API finds a draft by listing only. */
  async withTag(tag: string): Promise<readonly Release[]> {
    const found: Release[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const url = `${this.#root}/releases?per_page=${PER_PAGE}&page=${page}`;
      const releases = await (await this.#send({ method: 'GET', url })).json(array(release));
      found.push(...releases.filter(({ tag_name }) => tag_name === tag));
      if (releases.length < PER_PAGE) break;
    }
    return found;
  }

  createDraft(tag: string, notes: string): Promise<Release> {
    return this.#document(
      'POST',
      `${this.#root}/releases`,
      { tag_name: tag, name: tag, body: notes, draft: true },
      release,
    );
  }

  async get(id: number): Promise<Release> {
    return await (await this.#send({ method: 'GET', url: `${this.#root}/releases/${id}` })).json(release);
  }

  async delete(id: number): Promise<void> {
    (await this.#send({ method: 'DELETE', url: `${this.#root}/releases/${id}` })).discard();
  }

  async upload({ upload_url }: Release, { name, bytes }: Asset): Promise<UploadedAsset> {
    const url = new URL(upload_url.replace(/\{.*$/, ''));
    this.#assertUploadHost(url);
    url.searchParams.set('name', name);
    const headers = { 'content-type': 'application/octet-stream' };
    return await (await this.#send({ method: 'POST', url, headers, body: bytes })).json(asset);
  }

  /** The digest of the bytes that a stranger would download; the storage behind the redirect gets no token. */
  async storedDigest({ id, size }: UploadedAsset): Promise<Digest> {
    const headers = { accept: 'application/octet-stream' };
    const url = `${this.#root}/releases/assets/${id}`;
    const response = await this.#send({ method: 'GET', url, headers, redirect: 'follow' });
    return sha256(await response.bytes(Math.min(size + 1, MAX_ASSET_BYTES)));
  }

  publish(id: number): Promise<Release> {
    return this.#document('PATCH', `${this.#root}/releases/${id}`, { draft: false }, release);
  }

  async #document<T>(method: 'POST' | 'PATCH', url: string, value: unknown, decoder: Decoder<T>): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return await (await this.#send({ method, url, headers, body: JSON.stringify(value) })).json(decoder);
  }

  async #send(request: HttpRequest): Promise<HttpResponse> {
    const headers = {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${this.#token}`,
      ...request.headers,
    };
    return await this.#http.request({ ...request, headers });
  }

  /** github.com uploads to uploads.github.com, an enterprise server to itself. */
  #assertUploadHost(url: URL): void {
    const api = this.#apiUrl;
    const expected = new Set([api.host, api.host.replace(/^api\./, 'uploads.')]);
    if (url.protocol === api.protocol && expected.has(url.host)) return;
    throw new PublishError('UPLOAD_HOST_REFUSED', `Cannot upload to "${url.host}": it is not the API's uploads host`, {
      hint: 'Check that the server is GitHub: assets and token go to its own uploads host alone',
    });
  }
}
