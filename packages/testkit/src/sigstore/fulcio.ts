import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { array, object, parseJson, string } from '@paved/json';
import { initializeCA } from '@sigstore/mock/dist/fulcio/ca.js';
import { initializeCTLog } from '@sigstore/mock/dist/fulcio/ctlog.js';
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Issuer } from '../issuer/start-issuer.js';
import { certificateExtensions, GITHUB_URL } from './fulcio-extensions.js';
import { jsonAnswer, RefusedRequest, type Route } from './service.js';

export interface FulcioDouble {
  readonly routes: readonly Route[];
  readonly rootCertificate: Buffer;
  readonly ctLog: { readonly publicKey: Buffer; readonly logId: Buffer };
}

export interface FulcioOptions {
  readonly issuer: Issuer;
  readonly audience: string;
  readonly serverUrl?: string | undefined;
  /** Certifies other claims than the token's: a compromised authority. */
  certify(claims: JWTPayload): JWTPayload;
  embedSct(): boolean;
}

const signingRequest = object({
  credentials: object({ oidcIdentityToken: string }),
  publicKeyRequest: object({ publicKey: object({ algorithm: string, content: string }), proofOfPossession: string }),
});

/** A certificate authority with Fulcio's v2 API: it verifies the token, the proof of possession and nothing less. */
export async function createFulcio(options: FulcioOptions): Promise<FulcioDouble> {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const ctLog = await initializeCTLog(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const ca = await initializeCA(keys, ctLog);
  const caWithoutLog = await initializeCA(keys);
  const root = toBuffer(ca.rootCertificate);
  const sign: Route = {
    method: 'POST',
    path: '/api/v2/signingCert',
    async answer(body) {
      const request = parseJson('the request', body.toString('utf8'), signingRequest);
      const claims = await verifyToken(request.credentials.oidcIdentityToken, options);
      const key = createPublicKey(request.publicKeyRequest.publicKey.content);
      assertPossession(key, claims, Buffer.from(request.publicKeyRequest.proofOfPossession, 'base64'));
      const certified = options.certify(claims);
      const serverUrl = options.serverUrl ?? GITHUB_URL;
      const certificate = await (options.embedSct() ? ca : caWithoutLog).issueCertificate({
        publicKey: new Uint8Array(key.export({ format: 'der', type: 'spki' })),
        subjectAltName: `${serverUrl}/${String(certified.job_workflow_ref)}`,
        extensions: certificateExtensions(certified, serverUrl),
      });
      const chain = [toPem(toBuffer(certificate)), toPem(root)];
      return jsonAnswer(200, { signedCertificateEmbeddedSct: { chain: { certificates: chain } } });
    },
  };
  const trustBundle: Route = {
    method: 'GET',
    path: '/api/v2/trustBundle',
    answer: () => jsonAnswer(200, { chains: [{ certificates: [toPem(root)] }] }),
  };
  return {
    routes: [sign, trustBundle],
    rootCertificate: root,
    ctLog: { publicKey: ctLog.publicKey, logId: toBuffer(ctLog.logID) },
  };
}

async function verifyToken(token: string, { issuer, audience }: FulcioOptions): Promise<JWTPayload> {
  try {
    const keys = createLocalJWKSet({ keys: [...issuer.jwks.keys] });
    const { payload } = await jwtVerify(token, keys, { issuer: issuer.url, audience, algorithms: ['RS256'] });
    array(string)([payload.sub, payload.job_workflow_ref, payload.repository]);
    return payload;
  } catch {
    throw new RefusedRequest(401, 'There was an error processing the identity token');
  }
}

function assertPossession(key: KeyObject, claims: JWTPayload, proof: Buffer): void {
  if (!verify('sha256', Buffer.from(claims.sub ?? ''), key, proof)) {
    throw new RefusedRequest(400, 'The signature supplied in the request could not be verified');
  }
}

function toBuffer(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

export function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
