import { createPublicKey, verify } from 'node:crypto';
import { SigstoreError } from '../error.js';
import type { TransparencyLog } from './transparency-log.js';

/** What a log signed about itself; `text` is the whole note. */
export interface Checkpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly text: string;
}

/** C2SP signed-note and tlog-checkpoint; ours are a few hundred bytes. */
export const MAX_CHECKPOINT_BYTES = 16 * 1024;
const SIGNATURE = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/;
const SIZE = /^(0|[1-9][0-9]{0,15})$/;
const HASH_BYTES = 32;
const KEY_ID_BYTES = 4;

/**
 * Reads a checkpoint that `log` signed with the key of the trusted root; signatures of others (witnesses) are ignored.
 * @throws {SigstoreError} `CHECKPOINT_INVALID`
 */
export function verifyCheckpoint(text: string, log: TransparencyLog): Checkpoint {
  const end = text.indexOf('\n\n');
  const note = text.slice(0, end + 1);
  const [origin, size = '', root = ''] = note.split('\n');
  if (end === -1 || origin !== log.origin) throw invalid(log, 'it is no signed note of this log');
  if (!SIZE.test(size) || !Number.isSafeInteger(Number(size))) throw invalid(log, 'its size is not a number');
  const hash = Buffer.from(root, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== root) throw invalid(log, 'its root is not a SHA-256');
  if (!isSigned(note, text.slice(end + 2).split('\n'), log)) {
    throw invalid(log, "no signature verifies with the log's key");
  }
  return { size: Number(size), root: hash, text };
}

function isSigned(note: string, lines: readonly string[], { origin, publicKey, logId }: TransparencyLog): boolean {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  return lines.some((line) => {
    const [, name, encoded = ''] = SIGNATURE.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    const isKey = bytes.subarray(0, KEY_ID_BYTES).equals(logId.subarray(0, KEY_ID_BYTES));
    return name === origin && isKey && verify(null, Buffer.from(note), key, bytes.subarray(KEY_ID_BYTES));
  });
}

function invalid({ origin }: TransparencyLog, state: string): SigstoreError {
  return new SigstoreError('CHECKPOINT_INVALID', `Cannot accept a checkpoint of log "${origin}": ${state}`);
}
