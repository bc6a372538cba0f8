import { createPublicKey, verify } from 'node:crypto';
import { SigstoreError } from '../error.js';
import { readCheckpointText, readSignedNote, type SignedNote } from '../verify/signed-note.js';
import type { TransparencyLog } from './transparency-log.js';

/** What a log signed about itself; `text` is the whole note. */
export interface Checkpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly text: string;
}

/** C2SP signed-note and tlog-checkpoint; ours are a few hundred bytes. */
export const MAX_CHECKPOINT_BYTES = 16 * 1024;
/**
 * Reads a checkpoint that `log` signed with the key of the trusted root; signatures of others (witnesses) are ignored.
 * @throws {SigstoreError} `CHECKPOINT_INVALID`
 */
export function verifyCheckpoint(text: string, log: TransparencyLog): Checkpoint {
  const { note, checkpoint } = readNote(text, log);
  if (checkpoint.origin !== log.origin) throw invalid(log, 'it is no signed note of this log');
  if (!isSigned(note, log)) throw invalid(log, "no signature verifies with the log's key");
  const { size, root } = checkpoint;
  return { size, root, text };
}

function readNote(text: string, log: TransparencyLog) {
  try {
    const note = readSignedNote(text);
    return { note, checkpoint: readCheckpointText(note.text) };
  } catch (cause) {
    throw invalid(log, cause instanceof RangeError ? cause.message : 'it cannot be read');
  }
}

function isSigned({ text, signatures }: SignedNote, { origin, publicKey, logId }: TransparencyLog): boolean {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  return signatures.some(({ name, hint, bytes }) => {
    const isKey = hint.equals(logId.subarray(0, hint.length));
    return name === origin && isKey && verify(null, Buffer.from(text), key, bytes);
  });
}

function invalid({ origin }: TransparencyLog, state: string): SigstoreError {
  return new SigstoreError('CHECKPOINT_INVALID', `Cannot accept a checkpoint of log "${origin}": ${state}`);
}
