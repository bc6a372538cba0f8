import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseDigest, sha256 } from '@paved/digest';
import {
  type ArtifactService,
  HandoffError,
  type ListedArtifact,
  type ReceiveOptions,
  receiveHandover,
} from '@paved/handoff';

/** Artifacts as files in a folder, and the two places of a job: its workspace and its temporary folder. */
export class FolderService implements ArtifactService {
  readonly root: string;
  readonly #listed: ListedArtifact[] = [];
  #next = 1;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<FolderService> {
    const service = new FolderService(await mkdtemp(join(tmpdir(), 'paved-handoff-')));
    for (const name of ['store', 'workspace', 'temp']) await mkdir(join(service.root, name));
    return service;
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true });
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  async upload(path: string): Promise<{ id: number; sha256: string }> {
    const id = this.#next++;
    await copyFile(path, this.path('store', String(id)));
    const digest = sha256(await readFile(path)).slice('sha256:'.length);
    this.#listed.push({ id, name: basename(path), sha256: digest });
    return { id, sha256: digest };
  }

  async list(): Promise<readonly ListedArtifact[]> {
    return this.#listed;
  }

  async download(id: number, folder: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    const path = join(folder, basename(String(id)));
    await copyFile(this.path('store', String(id)), path);
    return path;
  }

  /** Stores bytes as an artifact and receives them, by default with their own digest. @returns the error's code, or the files */
  async receive(bytes: Buffer, options: Partial<ReceiveOptions> = {}): Promise<string | readonly string[]> {
    const id = this.#next++;
    await writeFile(this.path('store', String(id)), bytes);
    const fixed = { artifactId: id, digest: sha256(bytes), workspace: this.path('workspace') };
    try {
      const target = this.path('temp', `target-${id}`);
      return (await receiveHandover({ ...fixed, targetFolder: target, ...options }, this)).files;
    } catch (error) {
      if (error instanceof HandoffError) return error.code;
      throw error;
    }
  }
}

export const OTHER_DIGEST = parseDigest(`sha256:${'0'.repeat(64)}`);
