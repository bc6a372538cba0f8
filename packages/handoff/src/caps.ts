import { HandoffError } from './error.js';

/** Limits of one hand-over, held on both sides. */
export interface HandoverCaps {
  /** Bytes of the archive, and so of everything in it: it is not compressed, and sparse files are refused. */
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export const DEFAULT_CAPS: HandoverCaps = { maxBytes: 2 * 1024 ** 3, maxFiles: 50_000 };

/** @param bytes how many there are, as far as that is known */
export function tooLarge(bytes: number | string, maxBytes: number): HandoffError {
  return new HandoffError('HANDOFF_TOO_LARGE', `Cannot receive the hand-over: it has ${bytes} bytes`, {
    hint: `The limit is ${maxBytes} bytes (max-bytes)`,
  });
}
