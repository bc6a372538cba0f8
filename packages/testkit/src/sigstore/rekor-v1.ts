import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import { pae, parseEnvelope } from '@paved/attestation';
import { array, canonicalJson, object, optional, parseJson, string } from '@paved/json';
import { MerkleTree } from './merkle.js';
import { verifyPrehashed } from './p256.js';
import type { RekorDouble } from './rekor.js';
import { jsonAnswer, RefusedRequest, type Route } from './service.js';

/** Verifiers look for it in the log's URL. */
const NAME = '127.0.0.1';
const ORIGIN = `${NAME} - 1`;

const proposed = object({
  kind: string,
  spec: object({
    proposedContent: optional(object({ envelope: string, verifiers: array(string) })),
    data: optional(object({ hash: object({ value: string }) })),
    signature: optional(object({ content: string, publicKey: object({ content: string }) })),
  }),
});
type Proposed = ReturnType<typeof proposed>;

/** A transparency log with the v1 API: `dsse` and `hashedrekord`, each with a promise (SET) and a proof. */
export function createRekorV1(): RekorDouble {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = keys.publicKey.export({ format: 'der', type: 'spki' });
  const logId = createHash('sha256').update(publicKey).digest();
  const tree = new MerkleTree();
  const create: Route = {
    method: 'POST',
    path: '/api/v1/log/entries',
    answer(body) {
      const text = Buffer.from(canonicalJson(entryOf(parseJson('the request', body.toString('utf8'), proposed))));
      const logIndex = tree.append(text);
      const entry = {
        body: text.toString('base64'),
        integratedTime: Math.floor(Date.now() / 1000),
        logID: logId.toString('hex'),
        logIndex,
      };
      const verification = {
        inclusionProof: {
          checkpoint: checkpoint(tree, keys.privateKey, logId),
          hashes: tree.proof(logIndex).map((hash) => hash.toString('hex')),
          logIndex,
          rootHash: tree.root().toString('hex'),
          treeSize: tree.size,
        },
        signedEntryTimestamp: sign('sha256', Buffer.from(canonicalJson(entry)), keys.privateKey).toString('base64'),
      };
      const uuid = createHash('sha256').update(text).digest('hex');
      // cosign looks for its entry under this name.
      return { ...jsonAnswer(201, { [uuid]: { ...entry, verification } }), headers: { etag: uuid } };
    },
  };
  return { routes: [create], publicKey, logId };
}

function entryOf({ kind, spec }: Proposed): Parameters<typeof canonicalJson>[0] {
  if (kind === 'dsse' && spec.proposedContent !== undefined) return dsseEntry(spec.proposedContent);
  if (kind === 'hashedrekord' && spec.data !== undefined && spec.signature !== undefined) {
    return hashedRekordEntry(spec.data.hash.value, spec.signature);
  }
  throw new RefusedRequest(400, 'unsupported entry');
}

function dsseEntry({ envelope, verifiers }: NonNullable<Proposed['spec']['proposedContent']>) {
  const { payloadType, payload, signatures } = parseEnvelope(envelope);
  const [signature, verifier] = [signatures[0]?.sig, verifiers[0]];
  if (signature === undefined || verifier === undefined) throw new RefusedRequest(400, 'no signature');
  if (!verify('sha256', pae(payloadType, payload), keyOf(verifier), signature)) {
    throw new RefusedRequest(400, 'the signature is not valid');
  }
  const hash = (bytes: string | Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(payload),
      signatures: [{ signature: signature.toString('base64'), verifier }],
    },
  };
}

function hashedRekordEntry(value: string, signature: NonNullable<Proposed['spec']['signature']>) {
  const { content, publicKey } = signature;
  if (!verifyPrehashed(keyOf(publicKey.content), Buffer.from(value, 'hex'), Buffer.from(content, 'base64'))) {
    throw new RefusedRequest(400, 'the signature is not valid');
  }
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: { data: { hash: { algorithm: 'sha256', value } }, signature: { content, publicKey: { ...publicKey } } },
  };
}

function keyOf(verifier: string): KeyObject {
  const pem = Buffer.from(verifier, 'base64').toString('utf8');
  return pem.includes('CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

function checkpoint(tree: MerkleTree, key: KeyObject, logId: Buffer): string {
  const note = `${ORIGIN}\n${tree.size}\n${tree.root().toString('base64')}\n`;
  const signature = Buffer.concat([logId.subarray(0, 4), sign('sha256', Buffer.from(note), key)]);
  return `${note}\n\u2014 ${NAME} ${signature.toString('base64')}\n`;
}
