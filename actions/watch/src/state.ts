import { array, integer, literal, object, parseJson, string } from '@paved/json';
import { WatchError } from './error.js';

export const WATCH_STATE_MEDIA_TYPE = 'application/vnd.paved.watch-state.v1+json';

/** How far one log was read. */
export interface LogState {
  /** Key id of the log, in hexadecimal: a shard is a log of its own, and a new key is another log. */
  readonly logId: string;
  /** Signed note that was seen last; the log's key vouches for it, not the place where this document lay. */
  readonly checkpoint: string;
  /** Index of the first entry that was not read. */
  readonly next: number;
}

export interface WatchState {
  readonly mediaType: typeof WATCH_STATE_MEDIA_TYPE;
  readonly at: string;
  readonly logs: readonly LogState[];
}

const document = object({
  mediaType: literal(WATCH_STATE_MEDIA_TYPE),
  at: string,
  logs: array(object({ logId: string, checkpoint: string, next: integer })),
});

/** @throws {WatchError} `STATE_MALFORMED` */
export function parseState(text: string): WatchState {
  try {
    const state = parseJson('the state', text, document);
    if (state.logs.some(({ next }) => next < 0)) throw new RangeError('an index is below zero');
    if (new Set(state.logs.map(({ logId }) => logId)).size !== state.logs.length)
      throw new RangeError('a log is there twice');
    return state;
  } catch (cause) {
    throw new WatchError('STATE_MALFORMED', 'Cannot read the state of the last run', {
      cause,
      hint: 'Start the workflow by hand with `start` set to the index to look back from',
    });
  }
}
