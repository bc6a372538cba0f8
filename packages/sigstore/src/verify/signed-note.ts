import { createHash } from 'node:crypto';

/** A note and who signed it (C2SP signed-note). */
export interface SignedNote {
  /** What is signed, with its last line break. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** The first four bytes of the key's id. */
  readonly hint: Buffer;
  readonly bytes: Buffer;
}

/** What the text of a checkpoint says (C2SP tlog-checkpoint). */
export interface CheckpointText {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

const SIGNATURE = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/;
const SIZE = /^(0|[1-9][0-9]{0,15})$/;
const HASH_BYTES = 32;
const HINT_BYTES = 4;
const ED25519_NOTE = Buffer.from('\n\x01');
const ED25519_KEY_BYTES = 32;

/** The id of an Ed25519 key under a name, whole; a hint is its first bytes (C2SP signed-note, "Signatures"). */
export function noteKeyId(name: string, spki: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), ED25519_NOTE, spki.subarray(-ED25519_KEY_BYTES)]);
  return createHash('sha256').update(named).digest();
}

/** @throws {RangeError} for a text that is no note; a line that is no signature is left out */
export function readSignedNote(note: string): SignedNote {
  const end = note.indexOf('\n\n');
  if (end === -1) throw new RangeError('it is no signed note');
  const lines = note.slice(end + 2).split('\n');
  return { text: note.slice(0, end + 1), signatures: lines.flatMap((line) => readSignature(line) ?? []) };
}

/** @throws {RangeError} for a size that is no number, or a root that is no SHA-256 */
export function readCheckpointText(text: string): CheckpointText {
  const [origin = '', size = '', root = ''] = text.split('\n');
  if (!SIZE.test(size) || !Number.isSafeInteger(Number(size))) throw new RangeError('its size is not a number');
  const hash = Buffer.from(root, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== root) throw new RangeError('its root is not a SHA-256');
  return { origin, size: Number(size), root: hash };
}

function readSignature(line: string): NoteSignature | undefined {
  const [, name, encoded] = SIGNATURE.exec(line) ?? [];
  if (name === undefined || encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length <= HINT_BYTES) return undefined;
  return { name, hint: bytes.subarray(0, HINT_BYTES), bytes: bytes.subarray(HINT_BYTES) };
}
