import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { canonicalJson, object, optional, parseJson, string, unknown } from '@paved/json';
import { MerkleTree } from './merkle.js';
import { verifyPrehashed } from './p256.js';
import { jsonAnswer, RefusedRequest, type Route } from './service.js';

/** Verifiers take the origin from the host name of the log's URL, without a port. */
const ORIGIN = '127.0.0.1';
const ED25519_SIGNATURE_TYPE = 0x01;

export interface RekorDouble {
  readonly routes: readonly Route[];
  /** SPKI, DER. */
  readonly publicKey: Buffer;
  readonly logId: Buffer;
}

const rawBytes = object({ rawBytes: string });
const entryRequest = object({
  hashedRekordRequestV002: optional(
    object({
      digest: string,
      signature: object({
        content: string,
        verifier: object({ keyDetails: string, x509Certificate: optional(rawBytes), publicKey: optional(rawBytes) }),
      }),
    }),
  ),
  dsseRequestV002: optional(unknown),
});

/** A transparency log with the v2 API of rekor-tiles: `hashedrekord` only, a checkpoint for every entry. */
export function createRekor(): RekorDouble {
  const keys = generateKeyPairSync('ed25519');
  const publicKey = keys.publicKey.export({ format: 'der', type: 'spki' });
  const logId = noteKeyHash(publicKey);
  const tree = new MerkleTree();
  const checkpoint = () => signCheckpoint(tree, keys.privateKey, logId);
  const create: Route = {
    method: 'POST',
    path: '/api/v2/log/entries',
    answer(body) {
      const request = parseJson('the request', body.toString('utf8'), entryRequest).hashedRekordRequestV002;
      if (request === undefined) throw new RefusedRequest(400, 'invalid type, must be hashedrekord');
      assertSignature(request);
      const entry = Buffer.from(canonicalJson(logEntry(request)));
      const index = tree.append(entry);
      return jsonAnswer(201, {
        logIndex: String(index),
        logId: { keyId: logId.toString('base64') },
        kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
        integratedTime: '0',
        inclusionPromise: null,
        inclusionProof: {
          logIndex: String(index),
          rootHash: tree.root().toString('base64'),
          treeSize: String(tree.size),
          hashes: tree.proof(index).map((hash) => hash.toString('base64')),
          checkpoint: { envelope: checkpoint() },
        },
        canonicalizedBody: entry.toString('base64'),
      });
    },
  };
  const read: Route = {
    method: 'GET',
    path: '/api/v2/checkpoint',
    answer: () => ({ status: 200, contentType: 'text/plain', body: checkpoint() }),
  };
  return { routes: [create, read], publicKey, logId };
}

type HashedRekordRequest = NonNullable<ReturnType<typeof entryRequest>['hashedRekordRequestV002']>;

function assertSignature({ digest, signature }: HashedRekordRequest): void {
  const { keyDetails, x509Certificate, publicKey } = signature.verifier;
  const hash = Buffer.from(digest, 'base64');
  const supported = keyDetails === 'PKIX_ECDSA_P256_SHA_256' && hash.length === 32;
  const key = verifierKey(x509Certificate?.rawBytes, publicKey?.rawBytes);
  if (!supported || key === undefined || !verifyPrehashed(key, hash, Buffer.from(signature.content, 'base64'))) {
    throw new RefusedRequest(400, 'invalid hashedrekord request');
  }
}

function verifierKey(certificate: string | undefined, publicKey: string | undefined): KeyObject | undefined {
  if (publicKey !== undefined) {
    return createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  }
  return certificate === undefined ? undefined : new X509Certificate(Buffer.from(certificate, 'base64')).publicKey;
}

function logEntry({ digest, signature }: HashedRekordRequest): unknown {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature } },
  };
}

/** Key id of C2SP signed-note for Ed25519; Rekor uses all of the hash as its log id. */
function noteKeyHash(spki: Buffer): Buffer {
  const key = spki.subarray(-32);
  return createHash('sha256')
    .update(`${ORIGIN}\n`)
    .update(Buffer.from([ED25519_SIGNATURE_TYPE]))
    .update(key)
    .digest();
}

function signCheckpoint(tree: MerkleTree, key: KeyObject, logId: Buffer): string {
  const note = `${ORIGIN}\n${tree.size}\n${tree.root().toString('base64')}\n`;
  const signature = Buffer.concat([logId.subarray(0, 4), sign(null, Buffer.from(note), key)]);
  return `${note}\n\u2014 ${ORIGIN} ${signature.toString('base64')}\n`;
}
