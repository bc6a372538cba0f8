import type { HttpClient } from '@paved/http';
import { SigstoreError } from '../error.js';
import { nodeHash } from './merkle.js';
import type { TransparencyLog } from './transparency-log.js';

/** Hashes of a full tile, and entries of a full bundle (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;
const TILE_LEVELS = 8;
const HASH_BYTES = 32;
/** An entry is at most 65,535 bytes behind its length. */
const MAX_BUNDLE_BYTES = TILE_WIDTH * (0xffff + 2);
const LENGTH_BYTES = 2;
const MAX_CACHED_TILES = 64;

export interface TileReaderOptions {
  readonly log: TransparencyLog;
  readonly http: HttpClient;
  /** Leaves of the tree that is read. */
  readonly size: number;
}

/** Hashes and entries of a tree, as the log's server gives them: nothing here is proved, only of the right form. */
export class TileReader {
  readonly #log: TransparencyLog;
  readonly #http: HttpClient;
  readonly #size: number;
  /** Oldest first; 8 KiB each. */
  readonly #tiles = new Map<string, Promise<Buffer>>();

  constructor({ log, http, size }: TileReaderOptions) {
    this.#log = log;
    this.#http = http;
    this.#size = size;
  }

  /** Root of the full subtree number `index` of 2^level leaves. @throws {SigstoreError} `LOG_TILE_INVALID` */
  async node(level: number, index: number): Promise<Buffer> {
    const within = level % TILE_LEVELS;
    const count = 2 ** within;
    const first = index * count;
    const tile = await this.#tile((level - within) / TILE_LEVELS, Math.floor(first / TILE_WIDTH));
    const start = (first % TILE_WIDTH) * HASH_BYTES;
    let hashes = Array.from({ length: count }, (_, at) =>
      tile.subarray(start + at * HASH_BYTES, start + (at + 1) * HASH_BYTES),
    );
    while (hashes.length > 1) {
      hashes = Array.from({ length: hashes.length / 2 }, (_, at) =>
        nodeHash(hashes[2 * at] as Buffer, hashes[2 * at + 1] as Buffer),
      );
    }
    return hashes[0] as Buffer;
  }

  /** All entries of a bundle that the tree has. @throws {SigstoreError} `LOG_TILE_INVALID` */
  async entries(bundle: number): Promise<readonly Buffer[]> {
    const width = Math.min(TILE_WIDTH, this.#size - bundle * TILE_WIDTH);
    const path = `tile/entries/${tileName(bundle)}`;
    const bytes = await this.#fetch(path, width, MAX_BUNDLE_BYTES);
    const entries: Buffer[] = [];
    let at = 0;
    while (entries.length < width) {
      const end = at + LENGTH_BYTES <= bytes.length ? at + LENGTH_BYTES + bytes.readUInt16BE(at) : bytes.length + 1;
      if (end > bytes.length) throw this.#invalid(path);
      entries.push(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    return entries;
  }

  #tile(level: number, index: number): Promise<Buffer> {
    const path = `tile/${level}/${tileName(index)}`;
    const known = this.#tiles.get(path);
    if (known !== undefined) return known;
    const width = Math.min(TILE_WIDTH, Math.floor(this.#size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    const tile = this.#fetch(path, width, TILE_WIDTH * HASH_BYTES).then((bytes) => {
      if (bytes.length < width * HASH_BYTES || bytes.length % HASH_BYTES !== 0) throw this.#invalid(path);
      return bytes;
    });
    const [oldest] = this.#tiles.keys();
    if (this.#tiles.size >= MAX_CACHED_TILES && oldest !== undefined) this.#tiles.delete(oldest);
    this.#tiles.set(path, tile);
    return tile;
  }

  /** A partial tile may be gone as soon as the full one is there. */
  async #fetch(path: string, width: number, maxBytes: number): Promise<Buffer> {
    const partial = width === TILE_WIDTH ? undefined : await this.#get(`${path}.p/${width}`, maxBytes);
    const bytes = partial ?? (await this.#get(path, maxBytes));
    if (bytes === undefined) throw this.#invalid(path, 'the log does not have it');
    return bytes;
  }

  async #get(path: string, maxBytes: number): Promise<Buffer | undefined> {
    const response = await this.#http.request({
      method: 'GET',
      url: logUrl(this.#log, path),
      accept: (status) => status === 200 || status === 404,
    });
    if (response.status === 200) return await response.bytes(maxBytes);
    response.discard();
    return undefined;
  }

  #invalid(path: string, state = 'it has not the form of one'): SigstoreError {
    const { origin } = this.#log;
    return new SigstoreError('LOG_TILE_INVALID', `Cannot use tile "${path}" of log "${origin}": ${state}`, {
      hint: 'Run it again; if it stays, the log does not serve the tree that it signed',
    });
  }
}

/** Address below the read API of Rekor v2. */
export function logUrl({ baseUrl }: TransparencyLog, path: string): URL {
  return new URL(`${baseUrl.href.replace(/\/$/, '')}/api/v2/${path}`);
}

/** `1234067` is `x001/x234/067`. */
export function tileName(index: number): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/');
}
