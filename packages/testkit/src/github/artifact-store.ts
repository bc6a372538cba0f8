import { createHash, randomBytes } from 'node:crypto';

/** A finished artifact. `bytes` is what a download answers; `digest` is what the uploader declared. */
export interface StoredArtifact {
  readonly id: number;
  readonly name: string;
  readonly runBackendId: string;
  readonly jobBackendId: string;
  readonly mimeType: string;
  readonly createdAt: string;
  readonly digest: string | undefined;
  readonly bytes: Uint8Array;
}

interface Upload {
  readonly name: string;
  readonly runBackendId: string;
  readonly jobBackendId: string;
  readonly mimeType: string;
  readonly signature: string;
  readonly blocks: Map<string, Buffer>;
  bytes: Buffer | undefined;
}

export class ArtifactConflict extends Error {}

const FIRST_ARTIFACT_ID = 2_600_000_001;

/**
 * Artifacts of all runs, immutable per id as on the real service: bytes can be written only until the upload is finalized, and another
 * upload under the same name needs a deletion first and gets another id. `tamper` and `replace` are the attacker's hands in tests.
 */
export class ArtifactStore {
  readonly #uploads = new Map<string, Upload>();
  readonly #artifacts = new Map<number, StoredArtifact>();
  readonly #downloads = new Map<string, number>();
  #nextId = FIRST_ARTIFACT_ID;

  list(runBackendId?: string): readonly StoredArtifact[] {
    const all = [...this.#artifacts.values()];
    return runBackendId === undefined ? all : all.filter((artifact) => artifact.runBackendId === runBackendId);
  }

  /** @throws {ArtifactConflict} when the run has an artifact or an open upload of this name */
  create(upload: Pick<Upload, 'name' | 'runBackendId' | 'jobBackendId' | 'mimeType'>): string {
    if (this.byName(upload.runBackendId, upload.name) !== undefined || this.#openUpload(upload) !== undefined) {
      throw new ArtifactConflict(`an artifact with this name already exists on the workflow run`);
    }
    const signature = randomBytes(24).toString('base64url');
    this.#uploads.set(signature, { ...upload, signature, blocks: new Map(), bytes: undefined });
    return signature;
  }

  /** @returns whether the signature is that of an open upload */
  putBlock(signature: string, blockId: string, bytes: Buffer): boolean {
    return this.#uploads.get(signature)?.blocks.set(blockId, bytes) !== undefined;
  }

  commitBlocks(signature: string, blockIds: readonly string[]): boolean {
    const upload = this.#uploads.get(signature);
    const blocks = blockIds.map((id) => upload?.blocks.get(id));
    if (upload === undefined || blocks.includes(undefined)) return false;
    upload.bytes = Buffer.concat(blocks as Buffer[]);
    return true;
  }

  putWhole(signature: string, bytes: Buffer): boolean {
    const upload = this.#uploads.get(signature);
    if (upload !== undefined) upload.bytes = bytes;
    return upload !== undefined;
  }

  /** @returns the artifact's id, or undefined when nothing was uploaded or the declared size differs */
  finalize(key: { name: string; runBackendId: string }, size: number, digest: string | undefined): number | undefined {
    const upload = this.#openUpload(key);
    if (upload?.bytes === undefined || upload.bytes.length !== size) return undefined;
    this.#uploads.delete(upload.signature);
    const id = this.#nextId++;
    const { name, runBackendId, jobBackendId, mimeType, bytes } = upload;
    const createdAt = new Date().toISOString();
    this.#artifacts.set(id, { id, name, runBackendId, jobBackendId, mimeType, createdAt, digest, bytes });
    return id;
  }

  byName(runBackendId: string, name: string): StoredArtifact | undefined {
    return this.list(runBackendId).find((artifact) => artifact.name === name);
  }

  delete(id: number): void {
    this.#artifacts.delete(id);
  }

  signDownload(id: number): string {
    const signature = randomBytes(24).toString('base64url');
    this.#downloads.set(signature, id);
    return signature;
  }

  download(signature: string): StoredArtifact | undefined {
    return this.#artifacts.get(this.#downloads.get(signature) ?? 0);
  }

  /** Flips the lowest bit of one byte of a stored artifact (default: its middle byte); the declared digest stays. */
  tamper(id: number, offset?: number): void {
    const bytes = Buffer.from(this.#get(id).bytes);
    const index = offset ?? Math.floor(bytes.length / 2);
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    this.replace(id, bytes);
  }

  /** Swaps the bytes behind an id; with `redeclare` the declared digest is made to match, as an attacker inside the service would. */
  replace(id: number, bytes: Uint8Array, options: { readonly redeclare?: boolean } = {}): void {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    this.#artifacts.set(id, { ...this.#get(id), bytes, ...(options.redeclare === true ? { digest } : {}) });
  }

  #get(id: number): StoredArtifact {
    const artifact = this.#artifacts.get(id);
    if (artifact === undefined) throw new Error(`Cannot find artifact ${id}: it does not exist`);
    return artifact;
  }

  #openUpload(key: { readonly name: string; readonly runBackendId: string }): Upload | undefined {
    return [...this.#uploads.values()].find(
      (upload) => upload.name === key.name && upload.runBackendId === key.runBackendId,
    );
  }
}
