import { createHash, type KeyObject, verify } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { SigstoreError } from '../error.js';
import { leafHash, rootFromPath } from '../log/merkle.js';
import { OWN_ROOT, WHOLE_BUNDLE } from './cures.js';
import {
  type CheckpointText,
  type NoteSignature,
  noteKeyId,
  readCheckpointText,
  readSignedNote,
  type SignedNote,
} from './signed-note.js';
import { isNamed, isWithin, type LogKey } from './trust-material.js';

const TREE = /^ - \d+$/;

/**
 * Holds an entry to the log of the trusted root that it names: the log's promise where there is one, and its proof where there is one.
 * @param signedAt a checkpoint has no time of its own: a key that is no longer trusted proves nothing about what was signed since
 * @throws {SigstoreError} `LOG_UNTRUSTED`, `INCLUSION_PROMISE_INVALID`, `CHECKPOINT_MISSING`, `CHECKPOINT_INVALID`,
 *   `INCLUSION_PROOF_INVALID`, `INCLUSION_PROOF_MISSING`
 */
export function verifyInclusion(
  entry: TransparencyLogEntry,
  tlogs: readonly LogKey[],
  signedAt: Date | undefined,
): void {
  const logs = tlogs.filter((log) => isNamed(log, entry.logId.keyId));
  if (entry.inclusionPromise === undefined && entry.inclusionProof === undefined) {
    throw new SigstoreError(
      'INCLUSION_PROOF_MISSING',
      'Cannot accept the log entry: it has neither proof nor promise',
      { hint: WHOLE_BUNDLE },
    );
  }
  if (logs.length === 0) throw untrusted();
  if (entry.inclusionPromise !== undefined) {
    const { signedEntryTimestamp } = entry.inclusionPromise;
    verifyPromise(entry, signedEntryTimestamp, logs);
  }
  if (entry.inclusionProof === undefined) return;
  const trusted = logs.filter(({ validFor }) => signedAt === undefined || isWithin(validFor, signedAt));
  if (trusted.length === 0) throw untrusted('was not trusted when the bundle was signed');
  verifyProof(entry, entry.inclusionProof, trusted);
}

/** Rekor's signed entry timestamp: over the entry in canonical JSON, of a time at which the key was valid. */
function verifyPromise(entry: TransparencyLogEntry, signature: Buffer, logs: readonly LogKey[]): void {
  const { canonicalizedBody, integratedTime, logIndex, logId } = entry;
  const body = JSON.stringify(canonicalizedBody.toString('base64'));
  const id = JSON.stringify(logId.keyId.toString('hex'));
  const signed = `{"body":${body},"integratedTime":${integratedTime},"logID":${id},"logIndex":${logIndex}}`;
  const time = new Date(Number(integratedTime) * 1000);
  const isPromised = logs.some(
    ({ publicKey, validFor }) => isWithin(validFor, time) && isSigned(Buffer.from(signed), publicKey, signature),
  );
  if (isPromised) return;
  const note = entry.inclusionProof?.checkpoint?.envelope ?? '';
  if (!logs.some((log) => isIdOfKey(log, note))) throw untrusted();
  throw new SigstoreError(
    'INCLUSION_PROMISE_INVALID',
    "Cannot accept the log entry: the log's promise does not verify",
    { hint: WHOLE_BUNDLE },
  );
}

type InclusionProof = NonNullable<TransparencyLogEntry['inclusionProof']>;

function verifyProof(entry: TransparencyLogEntry, proof: InclusionProof, logs: readonly LogKey[]): void {
  if (proof.checkpoint === undefined) {
    throw new SigstoreError('CHECKPOINT_MISSING', 'Cannot accept the inclusion proof: it has no checkpoint', {
      hint: WHOLE_BUNDLE,
    });
  }
  const checkpoint = verifyCheckpoint(proof.checkpoint.envelope, logs);
  const leaf = leafHash(entry.canonicalizedBody);
  const index = Number(proof.logIndex);
  const root = rootFromPath(leaf, { index, size: checkpoint.size, path: proof.hashes });
  const isSameTree = proof.treeSize === String(checkpoint.size) && proof.rootHash.equals(checkpoint.root);
  if (isSameTree && root !== undefined && checkpoint.root.equals(root)) return;
  throw new SigstoreError(
    'INCLUSION_PROOF_INVALID',
    `Cannot accept the inclusion proof: it is not ${isSameTree ? 'of this entry' : "for its checkpoint's tree"}`,
    { hint: WHOLE_BUNDLE },
  );
}

function verifyCheckpoint(envelope: string, logs: readonly LogKey[]): CheckpointText {
  const { text, signatures } = readNote(envelope);
  const note = Buffer.from(text);
  const origin = originOf(text);
  // Signatures of others (witnesses) say nothing here. Which key it is, the hint says; the names have to be the log's as well.
  const isOf = (log: LogKey, { name, hint, bytes }: NoteSignature) =>
    log.id.subarray(0, hint.length).equals(hint) &&
    log.baseUrl.includes(name) &&
    isOrigin(origin, name, log) &&
    isSigned(note, log.publicKey, bytes);
  if (signatures.some((signature) => logs.some((log) => isOf(log, signature)))) return readCheckpoint(text);
  if (!logs.some((log) => isIdOfKey(log, text))) throw untrusted();
  throw invalidCheckpoint();
}

function readNote(envelope: string): SignedNote {
  try {
    return readSignedNote(envelope);
  } catch (cause) {
    throw invalidCheckpoint(cause);
  }
}

function readCheckpoint(text: string): CheckpointText {
  try {
    return readCheckpointText(text);
  } catch (cause) {
    throw invalidCheckpoint(cause);
  }
}

function invalidCheckpoint(cause?: unknown): SigstoreError {
  const state = "Cannot accept the log's checkpoint: no signature verifies with the log's key";
  return new SigstoreError('CHECKPOINT_INVALID', state, { cause, hint: WHOLE_BUNDLE });
}

function untrusted(state = 'is not one of the trusted root'): SigstoreError {
  return new SigstoreError('LOG_UNTRUSTED', `Cannot accept the log entry: its log ${state}`, {
    hint: OWN_ROOT,
  });
}

/**
 * The tree is the log's own, and not another one under its key, which nobody follows (C2SP tlog-checkpoint): its origin is the name of
 * the log, in Rekor v1 with the number of the tree, and an id that was made of a name is made of this one.
 */
function isOrigin(origin: string, name: string, { id, publicKey, spki }: LogKey): boolean {
  if (origin !== name && !(origin.startsWith(`${name} - `) && TREE.test(origin.slice(name.length)))) return false;
  return (
    publicKey.asymmetricKeyType !== 'ed25519' || startsWith(id)(noteKeyId(origin, spki)) || startsWith(id)(keyId(spki))
  );
}

/** Whether the key has the id, under its own name or that in the note. */
function isIdOfKey({ id, spki, baseUrl }: LogKey, note: string): boolean {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : baseUrl;
  return [keyId(spki), noteKeyId(originOf(note), spki), noteKeyId(host, spki)].some(startsWith(id));
}

/** The id of the key alone (RFC 6962, section 3.2). */
function keyId(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest();
}

function startsWith(id: Buffer): (full: Buffer) => boolean {
  return (full) => full.subarray(0, id.length).equals(id);
}

function originOf(note: string): string {
  return note.split('\n', 1)[0] ?? '';
}

/** ECDSA and RSA with SHA-256, as logs sign; Ed25519 has its own hash. */
function isSigned(bytes: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key, signature);
  } catch {
    return false;
  }
}
