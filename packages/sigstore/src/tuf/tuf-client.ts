import { Readable } from 'node:stream';
import type { HttpClient } from '@paved/http';
import { EqualVersionError } from 'tuf-js/dist/error.js';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { endpoint } from '../endpoint.js';
import { TufCache } from './tuf-cache.js';
import { downloadError, metadataError, trustUpdateError } from './tuf-error.js';

/** An update repository (The Update Framework 1.0) and the first root to believe, as it was embedded. */
export interface TufRepository {
  /** Metadata lie below it, and targets below its `targets/`. */
  readonly url: string;
  readonly root: Uint8Array;
}

export interface TufClientOptions {
  readonly http: HttpClient;
  readonly repository: TufRepository;
  /** Folder for one repository; absent: every refresh asks for everything. */
  readonly cachePath?: string;
  /** How long a checked cache answers without a request (default one day). */
  readonly maxAgeMs?: number;
  /** Limit of each request without progress, in milliseconds (default 20,000). */
  readonly timeoutMs?: number;
}

const DAY_MS = 86_400_000;
const DEFAULT_TIMEOUT_MS = 20_000;
const ATTEMPTS = 3;
const MAX_ROOTS = 256;
const MAX_BYTES = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000, target: 4_194_304 };
/** What object stores answer for a file that is not there. */
const ABSENT = new Set([403, 404]);

/** Bytes of a file of the repository; undefined when it is not there. */
type Load = (name: string, maxBytes: number) => Promise<Buffer | undefined>;

/**
 * Follows a repository from the embedded root to its targets (TUF 1.0, section 5, "Detailed client workflow"). Every check is
 * tuf-js's; requests and files are ours, so that they go over the one HTTP client and each refusal keeps its kind.
 */
export class TufClient {
  readonly #options: TufClientOptions;
  readonly #cache: TufCache;
  #trusted: TrustedMetadataStore | undefined;
  #checkedAt: Date | undefined;

  constructor(options: TufClientOptions) {
    this.#options = options;
    this.#cache = new TufCache(options.cachePath);
  }

  /** @throws {SigstoreError} `TUF_*` */
  async refresh(): Promise<void> {
    const at = new Date();
    if (await this.#cache.isFresh(this.#options.maxAgeMs ?? DAY_MS, at)) {
      const cached = await this.#follow((name) => this.#cache.read(name)).catch(() => undefined);
      if (cached !== undefined) {
        this.#trusted = cached;
        return;
      }
    }
    this.#trusted = await this.#follow((name, maxBytes) => this.#download(name, maxBytes));
    this.#checkedAt = at;
  }

  /** Lets the cache answer from now on; for when every target that was needed has proved good. */
  async keep(): Promise<void> {
    if (this.#checkedAt !== undefined) await this.#cache.markChecked(this.#checkedAt);
  }

  /**
   * The bytes of a target, held to the signed length and digests; undefined when the repository does not name it.
   * @throws {SigstoreError} `TUF_UNAVAILABLE`, `TUF_TARGET_INVALID`
   */
  async target(name: string): Promise<Buffer | undefined> {
    const { root, targets } = this.#trusted ?? {};
    if (root === undefined || targets === undefined) throw new RangeError('refresh comes first');
    if (!Object.hasOwn(targets.signed.targets, name)) return undefined;
    const info = targets.signed.targets[name];
    // The library takes whatever digest is named, MD5 too.
    const hash = info?.hashes.sha256 ?? info?.hashes.sha512;
    if (info === undefined || hash === undefined) throw trustUpdateError('TUF_METADATA_INVALID', name);
    const verified = (bytes: Buffer) => info.verify(Readable.from([bytes])).then(() => bytes);
    const cached = await this.#cache.read(`targets/${name}`);
    const known = cached === undefined ? undefined : await verified(cached).catch(() => undefined);
    if (known !== undefined) return known;
    const slash = name.lastIndexOf('/') + 1;
    const file = root.signed.consistentSnapshot ? `${name.slice(0, slash)}${hash}.${name.slice(slash)}` : name;
    const bytes = await this.#download(`targets/${file}`, Math.min(info.length, MAX_BYTES.target));
    if (bytes === undefined) throw trustUpdateError('TUF_UNAVAILABLE', name);
    await verified(bytes).catch((cause: unknown) => {
      throw trustUpdateError('TUF_TARGET_INVALID', name, cause);
    });
    await this.#cache.write(`targets/${name}`, bytes);
    return bytes;
  }

  async #follow(load: Load): Promise<TrustedMetadataStore> {
    const root = Buffer.from(this.#options.repository.root);
    const store = checked('root.json', () => new TrustedMetadataStore(root));
    await this.#followRoots(store, load);
    await this.#followTimestamp(store, load);
    await this.#followSnapshot(store, load);
    await this.#followTargets(store, load);
    return store;
  }

  /** Section 5.3: each root is signed by the one before it, and by itself. */
  async #followRoots(store: TrustedMetadataStore, load: Load): Promise<void> {
    for (let count = 0; count < MAX_ROOTS; count++) {
      const name = `${store.root.signed.version + 1}.root.json`;
      const bytes = await load(name, MAX_BYTES.root);
      if (bytes === undefined) return;
      checked(name, () => store.updateRoot(bytes));
      await this.#cache.write(name, bytes);
    }
    throw trustUpdateError('TUF_METADATA_INVALID', 'root.json', new RangeError(`more than ${MAX_ROOTS} roots`));
  }

  /** Section 5.4. The timestamp of an earlier run is read first: an older one than that is a rollback. */
  async #followTimestamp(store: TrustedMetadataStore, load: Load): Promise<void> {
    const name = 'timestamp.json';
    await this.#recall(name, (known) => store.updateTimestamp(known));
    const bytes = await required(name, load(name, MAX_BYTES.timestamp));
    try {
      store.updateTimestamp(bytes);
    } catch (error) {
      // The same version again; whether it has expired is checked with the snapshot.
      if (error instanceof EqualVersionError) return;
      throw metadataError(name, error);
    }
    await this.#cache.write(name, bytes);
  }

  /** Section 5.5. */
  async #followSnapshot(store: TrustedMetadataStore, load: Load): Promise<void> {
    if (await this.#recall('snapshot.json', (known) => store.updateSnapshot(known, true))) return;
    const name = versioned(store, 'snapshot.json', store.timestamp?.signed.snapshotMeta.version);
    const bytes = await required(name, load(name, MAX_BYTES.snapshot));
    checked(name, () => store.updateSnapshot(bytes));
    await this.#cache.write('snapshot.json', bytes);
  }

  /** Section 5.6, without delegations: what we need is signed by the repository's own keys. */
  async #followTargets(store: TrustedMetadataStore, load: Load): Promise<void> {
    const update = (bytes: Buffer) => store.updateDelegatedTargets(bytes, 'targets', 'root');
    if (await this.#recall('targets.json', update)) return;
    const name = versioned(store, 'targets.json', store.snapshot?.signed.meta['targets.json']?.version);
    const bytes = await required(name, load(name, MAX_BYTES.targets));
    checked(name, () => update(bytes));
    await this.#cache.write('targets.json', bytes);
  }

  /** Takes what an earlier run left, where it is still right; what it cannot be believed for is asked for again. */
  async #recall(name: string, update: (bytes: Buffer) => unknown): Promise<boolean> {
    const known = await this.#cache.read(name);
    if (known === undefined) return false;
    try {
      update(known);
      return true;
    } catch {
      return false;
    }
  }

  async #download(name: string, maxBytes: number): Promise<Buffer | undefined> {
    const { http, repository, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    try {
      const response = await http.request({
        ...{ method: 'GET', url: endpoint(repository.url, `/${name}`), timeoutMs, attempts: ATTEMPTS },
        accept: (status) => status === 200 || ABSENT.has(status),
      });
      if (response.status === 200) return await response.bytes(maxBytes);
      response.discard();
      return undefined;
    } catch (cause) {
      throw downloadError(name, cause);
    }
  }
}

function versioned(store: TrustedMetadataStore, name: string, version: number | undefined): string {
  return store.root.signed.consistentSnapshot && version !== undefined ? `${version}.${name}` : name;
}

async function required(name: string, bytes: Promise<Buffer | undefined>): Promise<Buffer> {
  const found = await bytes;
  if (found === undefined) throw trustUpdateError('TUF_UNAVAILABLE', name);
  return found;
}

function checked<T>(name: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw metadataError(name, error);
  }
}
