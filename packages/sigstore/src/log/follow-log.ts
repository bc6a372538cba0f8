import type { HttpClient } from '@paved/http';
import { SigstoreError } from '../error.js';
import { Limiter } from '../limiter.js';
import { type Checkpoint, MAX_CHECKPOINT_BYTES, verifyCheckpoint } from './checkpoint.js';
import { CompactRange, leafHash, subtreeAt } from './merkle.js';
import { logUrl, TILE_WIDTH, TileReader } from './tile-reader.js';
import type { TransparencyLog } from './transparency-log.js';

/** Bundles that are read and proved together, and of those how many at a time: together the limit of memory. */
const BUNDLES_PER_BATCH = 16;
const PARALLEL = 8;

export interface FollowLogOptions {
  readonly log: TransparencyLog;
  readonly http: HttpClient;
  /** Note of the checkpoint that was seen last; verified again, so where it was kept does not matter. */
  readonly saved?: string | undefined;
}

/** Entries that were proved to be in the tree of the newest checkpoint; the first has index `from`. */
export interface EntryBatch {
  readonly from: number;
  readonly entries: readonly Buffer[];
}

/** A log at its newest checkpoint, which continues the one that was seen last. */
export class FollowedLog {
  readonly checkpoint: Checkpoint;
  readonly #origin: string;
  readonly #tiles: TileReader;

  constructor(checkpoint: Checkpoint, origin: string, tiles: TileReader) {
    this.checkpoint = checkpoint;
    this.#origin = origin;
    this.#tiles = tiles;
  }

  /**
   * Entries from `from` to the end of the tree, in batches; each is proved before it is given out.
   * @throws {SigstoreError} `LOG_TILE_INVALID`, `LOG_ENTRY_MISMATCH` for an entry that is not what the tree has
   */
  async *read(from: number): AsyncGenerator<EntryBatch> {
    const range = await this.provedRange(from);
    const limiter = new Limiter(PARALLEL);
    const { size } = this.checkpoint;
    while (range.size < size) {
      const start = range.size;
      const first = Math.floor(start / TILE_WIDTH);
      const count = Math.min(BUNDLES_PER_BATCH, Math.ceil(size / TILE_WIDTH) - first);
      const bundles = await Promise.all(
        Array.from({ length: count }, (_, at) => limiter.run(1, () => this.#tiles.entries(first + at))),
      );
      const entries = bundles.flat().slice(start - first * TILE_WIDTH);
      for (const entry of entries) range.append(0, leafHash(entry));
      if (!(await this.#continues(range))) {
        throw new SigstoreError(
          'LOG_ENTRY_MISMATCH',
          `Cannot accept entries ${start} to ${range.size - 1} of log "${this.#origin}": they are not in the tree that it signed`,
          { hint: 'Run it again; if it stays, the log shows other entries than it signed' },
        );
      }
      yield { from: start, entries };
    }
  }

  /** The first `size` leaves as the signed tree has them. @throws {SigstoreError} `LOG_TILE_INVALID` */
  async provedRange(size: number): Promise<CompactRange> {
    const range = new CompactRange();
    await this.#extend(range, size);
    if (await this.#continues(range)) return range;
    throw new SigstoreError(
      'LOG_TILE_INVALID',
      `Cannot use the tiles of log "${this.#origin}": they are not those of the tree that it signed`,
      { hint: 'Run it again; if it stays, the log does not serve the tree that it signed' },
    );
  }

  async #continues(range: CompactRange): Promise<boolean> {
    const whole = range.copy();
    await this.#extend(whole, this.checkpoint.size);
    return whole.root().equals(this.checkpoint.root);
  }

  async #extend(range: CompactRange, size: number): Promise<void> {
    while (range.size < size) {
      const { level, index } = subtreeAt(range.size, size);
      range.append(level, await this.#tiles.node(level, index));
    }
  }
}

/**
 * Fetches the newest checkpoint and proves that its tree begins with the one of `saved`.
 * @throws {SigstoreError} `LOG_STATE_INVALID` for a saved note that the log did not sign, `CHECKPOINT_INVALID`, `LOG_TILE_INVALID`,
 *   and the two that a log must never do: `LOG_SHRUNK`, `LOG_FORKED`
 */
export async function followLog({ log, http, saved }: FollowLogOptions): Promise<FollowedLog> {
  const before = saved === undefined ? undefined : verifySaved(saved, log);
  const response = await http.request({ method: 'GET', url: logUrl(log, 'checkpoint') });
  const checkpoint = verifyCheckpoint(await response.text(MAX_CHECKPOINT_BYTES), log);
  const followed = new FollowedLog(checkpoint, log.origin, new TileReader({ log, http, size: checkpoint.size }));
  if (before !== undefined) await assertContinues(before, followed, log);
  return followed;
}

function verifySaved(saved: string, log: TransparencyLog): Checkpoint {
  try {
    return verifyCheckpoint(saved, log);
  } catch (cause) {
    throw new SigstoreError(
      'LOG_STATE_INVALID',
      `Cannot continue log "${log.origin}": the saved checkpoint is not its`,
      {
        cause,
        hint: 'Somebody changed the saved state, or the log has a new key under its old name',
      },
    );
  }
}

async function assertContinues(before: Checkpoint, followed: FollowedLog, { origin }: TransparencyLog): Promise<void> {
  const { size, root } = followed.checkpoint;
  if (size < before.size) {
    throw new SigstoreError(
      'LOG_SHRUNK',
      `Cannot accept log "${origin}": it signed ${before.size} entries before, and now ${size}`,
      { hint: 'Keep both checkpoints: a log that takes entries back cannot be trusted' },
    );
  }
  const same = size === before.size ? root : (await followed.provedRange(before.size)).root();
  if (same.equals(before.root)) return;
  throw new SigstoreError(
    'LOG_FORKED',
    `Cannot accept log "${origin}": its tree of ${size} entries does not begin with the ${before.size} that it signed before`,
    { hint: 'Keep both checkpoints: they are the proof that the log shows different trees' },
  );
}
