import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { array, object, parseJson, string } from '@paved/json';
import { childrenOf, DER, encodeElement, readOid, readSingle } from '@paved/sigstore/der';

export interface CtLog {
  readonly url: string;
  /** PEM. */
  readonly publicKey: string;
  close(): Promise<void>;
}

const POISON = '1.3.6.1.4.1.11129.2.4.3';
const TAG_EXTENSIONS = 0xa3;

const request = object({ chain: array(string) });

/**
 * A certificate transparency log that promises what it is sent and keeps nothing (RFC 6962, section 4.2): Fulcio embeds the
 * promise, and verifiers of the public-good kind refuse certificates without one.
 */
export async function startCtLog(): Promise<CtLog> {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = keys.publicKey.export({ format: 'der', type: 'spki' });
  const id = createHash('sha256').update(spki).digest('base64');
  const promise = (body: string) => {
    const timestamp = Date.now();
    const signature = sign('sha256', precertEntry(body, timestamp), keys.privateKey);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(signature.length);
    // SHA-256 and ECDSA, as TLS numbers them.
    const digitallySigned = Buffer.concat([Buffer.from([4, 3]), length, signature]).toString('base64');
    return JSON.stringify({ sct_version: 0, id, timestamp, extensions: '', signature: digitallySigned });
  };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      try {
        if (incoming.url !== '/ct/v1/add-pre-chain') throw new RangeError('there is no such request');
        response.setHeader('content-type', 'application/json').end(promise(Buffer.concat(chunks).toString()));
      } catch (error) {
        response.writeHead(400).end(String(error));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    publicKey: keys.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the promise is a signature over (RFC 6962, section 3.2): the certificate to be, without its poison, and its issuer's key. */
function precertEntry(body: string, timestamp: number): Buffer {
  const [leaf, issuer] = parseJson('the request', body, request).chain.map((text) => Buffer.from(text, 'base64'));
  if (leaf === undefined || issuer === undefined) throw new RangeError('the chain is too short');
  const issuerKey = new X509Certificate(issuer).publicKey.export({ format: 'der', type: 'spki' });
  const tbs = withoutPoison(leaf);
  const head = Buffer.alloc(12);
  head.writeBigUInt64BE(BigInt(timestamp), 2);
  head.writeUInt16BE(1, 10);
  const length = Buffer.alloc(3);
  length.writeUIntBE(tbs.length, 0, 3);
  return Buffer.concat([head, createHash('sha256').update(issuerKey).digest(), length, tbs, Buffer.alloc(2)]);
}

function withoutPoison(certificate: Buffer): Buffer {
  const [tbs] = childrenOf(readSingle(certificate, DER.sequence));
  if (tbs === undefined) throw new RangeError('it is no certificate');
  const parts = childrenOf(tbs).map((part) => {
    if (part.tag !== TAG_EXTENSIONS) return part.raw;
    const extensions = childrenOf(readSingle(part.content, DER.sequence)).filter(
      (extension) => readOid(childrenOf(extension)[0]?.content ?? Buffer.alloc(0)) !== POISON,
    );
    return encodeElement(TAG_EXTENSIONS, encodeElement(DER.sequence, ...extensions.map(({ raw }) => raw)));
  });
  return encodeElement(DER.sequence, ...parts);
}
