import { generateKeyPairSync } from 'node:crypto';
import { object, parseJson, string } from '@paved/json';
import { childrenOf, DER, readOid, readSingle } from '@paved/sigstore/der';
import { initializeTSA } from '@sigstore/mock/dist/timestamp/tsa.js';
import { toPem } from './fulcio.js';
import { RefusedRequest, type Route } from './service.js';

export interface TsaDouble {
  readonly routes: readonly Route[];
  /** Signing certificate first, root last. */
  readonly chain: readonly Buffer[];
}

interface TimestampQuery {
  readonly artifactHash: Buffer;
  readonly certReq: boolean;
}

const POLICY = '1.3.6.1.4.1.57264.2';
const OID_SHA256 = '2.16.840.1.101.3.4.2.1';
/** The library always writes a nonce; RFC 3161 lets a client that sent none ignore it. */
const NONCE = 1;

const jsonQuery = object({ artifactHash: string, hashAlgorithm: string });

/** A timestamp authority (RFC 3161) that takes DER and, like Sigstore's, JSON. `now` tells its time. */
export async function createTsa(now: () => Date): Promise<TsaDouble> {
  // The library takes one fixed time; it reads this object anew for each timestamp.
  const clock = new Date();
  const tsa = await initializeTSA(generateKeyPairSync('ec', { namedCurve: 'P-384' }), clock);
  const chain = [tsa.intCertificate, tsa.rootCertificate].map((view) =>
    Buffer.from(view.buffer, view.byteOffset, view.byteLength),
  );
  const timestamp: Route = {
    method: 'POST',
    path: '/api/v1/timestamp',
    async answer(body, headers) {
      const query = headers['content-type'] === 'application/json' ? readJson(body) : readDer(body);
      // Whole seconds: verifiers read no fractions as the library writes them.
      clock.setTime(Math.floor(now().getTime() / 1000) * 1000);
      const token = await tsa.timestamp({
        artifactHash: query.artifactHash,
        hashAlgorithmOID: OID_SHA256,
        nonce: NONCE,
        policyOID: POLICY,
        certReq: query.certReq,
      });
      return {
        status: 201,
        contentType: 'application/timestamp-reply',
        body: Buffer.from(token.buffer, token.byteOffset, token.byteLength),
      };
    },
  };
  const certificates: Route = {
    method: 'GET',
    path: '/api/v1/timestamp/certchain',
    answer: () => ({ status: 200, contentType: 'application/pem-certificate-chain', body: chain.map(toPem).join('') }),
  };
  return { routes: [timestamp, certificates], chain };
}

function readJson(body: Buffer): TimestampQuery {
  const { artifactHash, hashAlgorithm } = parseJson('the query', body.toString('utf8'), jsonQuery);
  return query(Buffer.from(artifactHash, 'base64'), hashAlgorithm === 'sha256', false);
}

/** TimeStampReq: version, messageImprint, then optional members. */
function readDer(body: Buffer): TimestampQuery {
  const [version, imprint, ...rest] = childrenOf(readSingle(body, DER.sequence));
  if (version?.content[0] !== 1 || imprint === undefined)
    throw new RefusedRequest(400, 'Error parsing timestamp request');
  const [algorithm, hash] = childrenOf(imprint);
  const oid = algorithm === undefined ? undefined : childrenOf(algorithm)[0];
  const certReq = rest.some(({ tag, content }) => tag === DER.boolean && content[0] === 0xff);
  return query(hash?.content ?? Buffer.alloc(0), oid !== undefined && readOid(oid.content) === OID_SHA256, certReq);
}

function query(artifactHash: Buffer, sha256: boolean, certReq: boolean): TimestampQuery {
  if (!sha256 || artifactHash.length !== 32) throw new RefusedRequest(400, 'Error parsing timestamp request');
  return { artifactHash, certReq };
}
