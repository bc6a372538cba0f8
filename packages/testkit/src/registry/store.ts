import { randomUUID } from 'node:crypto';
import type { Digest } from '@paved/digest';

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly subject: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** Digests of config and layers. */
  readonly blobs?: readonly string[];
}

export interface Upload {
  readonly id: string;
  bytes: Buffer;
  /** What `Range` says, where it is not the truth. */
  reported?: number;
  /** The last chunk was below the minimum. */
  shortChunk?: boolean;
}

/** One repository's content, in memory. Maps are open to tests: they are how a test plants or checks state behind the protocol. */
export class StoredRepository {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, StoredManifest>();
  readonly tags = new Map<string, Digest>();
  readonly uploads = new Map<string, Upload>();

  openUpload(): Upload {
    const upload = { id: randomUUID(), bytes: Buffer.alloc(0) };
    this.uploads.set(upload.id, upload);
    return upload;
  }

  find(reference: string): StoredManifest | undefined {
    return this.manifests.get(this.tags.get(reference) ?? reference);
  }

  /** Whether a manifest names this blob. */
  names(blob: string): boolean {
    return [...this.manifests.values()].some((manifest) => manifest.blobs?.includes(blob) === true);
  }

  referrersOf(digest: string): readonly StoredManifest[] {
    return [...this.manifests.values()].filter((manifest) => manifest.subject === digest);
  }
}

export class RegistryStore {
  readonly #repositories = new Map<string, StoredRepository>();

  /** The repository, made on first use. */
  repository(name: string): StoredRepository {
    const found = this.#repositories.get(name) ?? new StoredRepository();
    this.#repositories.set(name, found);
    return found;
  }

  has(name: string): boolean {
    return this.#repositories.has(name);
  }
}
