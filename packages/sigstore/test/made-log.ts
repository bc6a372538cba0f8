import { createHash, type KeyObject, sign } from 'node:crypto';
import { leafHash } from '../src/log/merkle.js';
import type { KeyPair } from './made-certificates.js';

export interface MadeLogParts {
  /** Host of its address. */
  readonly host: string;
  readonly key: KeyPair;
  /** Default: the id of the key alone, as Rekor v1 has it. */
  readonly id?: Buffer;
  /** By which its entries name it (default `id`). */
  readonly entryId?: Buffer;
  /** First line of its checkpoints, and the name beside the signature (default `host` for both). */
  readonly origin?: string;
  readonly name?: string;
  readonly validFor?: { readonly start: string; readonly end?: string };
}

const ALWAYS = { start: '2000-01-01T00:00:00Z' };

/** A log of one entry, which writes down whatever it is told: as a trusted root names it, and the entry as a bundle has it. */
export function madeLog({ host, key, validFor = ALWAYS, ...parts }: MadeLogParts) {
  const { origin = host, name = host, id = idOf(key.publicKey), entryId = id } = parts;
  const logId = { keyId: id.toString('base64') };
  const rawBytes = spki(key.publicKey).toString('base64');
  const tlog = { baseUrl: `https://${host}`, publicKey: { rawBytes, validFor }, logId };
  const entry = (body: { readonly kind: string; readonly apiVersion: string }) => {
    const bytes = Buffer.from(JSON.stringify(body));
    const rootHash = leafHash(bytes).toString('base64');
    const text = `${origin}\n1\n${rootHash}\n`;
    const signature = sign(
      key.publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256',
      Buffer.from(text),
      key.privateKey,
    );
    const signed = Buffer.concat([id.subarray(0, 4), signature]).toString('base64');
    return {
      logIndex: '0',
      logId: { keyId: entryId.toString('base64') },
      kindVersion: { kind: body.kind, version: body.apiVersion },
      integratedTime: '0',
      inclusionProof: {
        ...{ logIndex: '0', rootHash, treeSize: '1', hashes: [] },
        checkpoint: { envelope: `${text}\n\u2014 ${name} ${signed}\n` },
      },
      canonicalizedBody: bytes.toString('base64'),
    };
  };
  return { tlog, entry };
}

/** C2SP signed-note, of an Ed25519 key. */
export function namedId(name: string, key: KeyObject): Buffer {
  return createHash('sha256').update(`${name}\n\x01`).update(spki(key).subarray(-32)).digest();
}

function idOf(key: KeyObject): Buffer {
  return createHash('sha256').update(spki(key)).digest();
}

function spki(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}
