import { constants } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@paved/digest';

const CHECKED = 'checked';
/** More than any file of a repository may have. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Another step may write here: a link is not followed, and a FIFO that nobody writes to does not keep us waiting. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * What an update repository answered, in a folder. Nothing in it is believed: every file is verified again from the embedded root,
 * so that who can write here can hide updates until the timestamp expires, as who controls the network can, and nothing else.
 */
export class TufCache {
  readonly #folder: string | undefined;

  /** @param folder absent: nothing is kept */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  async read(name: string): Promise<Buffer | undefined> {
    if (this.#folder === undefined) return undefined;
    return await readSmall(join(this.#folder, fileName(name))).catch(() => undefined);
  }

  /** Best effort: a full disk costs the next update some requests, never this one its result. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.#folder === undefined) return;
    const path = join(this.#folder, fileName(name));
    const temporary = `${path}.${process.pid}.new`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await rm(temporary, { force: true });
      // Never through a link that somebody put there.
      await writeFile(temporary, bytes, { flag: 'wx', mode: 0o600 });
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  /** Says that everything in the folder was checked against the repository now. */
  async markChecked(at: Date): Promise<void> {
    await this.write(CHECKED, Buffer.from(at.toISOString()));
  }

  /** A time in the future is no proof of freshness. */
  async isFresh(maxAgeMs: number, at: Date): Promise<boolean> {
    const text = (await this.read(CHECKED))?.toString('utf8') ?? '';
    const age = at.getTime() - new Date(text).getTime();
    return age >= 0 && age < maxAgeMs;
  }
}

/** Names of targets may hold slashes; in the folder they become digests. */
function fileName(name: string): string {
  return /^[\w.-]+$/.test(name) && !name.startsWith('.') ? name : `target-${sha256(name).slice(7)}`;
}

async function readSmall(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, FLAGS);
  try {
    const info = await handle.stat();
    if (!info.isFile() || info.size > MAX_BYTES) return undefined;
    const bytes = Buffer.alloc(info.size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled);
      if (bytesRead === 0) return undefined;
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
