import { createServer, type IncomingHttpHeaders } from 'node:http';
import { listenOnLoopback } from '../issuer/listen.js';
import { answerAws } from './aws.js';
import { answerAzure } from './azure.js';
import { answerGcp } from './gcp.js';
import { type KmsKeyKind, type KmsKeyPair, makeKmsKey, signWithKmsKey } from './kms-key-pair.js';
import { answerVault } from './vault.js';

export type KmsService = 'aws' | 'azure' | 'gcp' | 'vault';

/** What a test sets on the one key that the service holds. */
export interface KmsFaults {
  disabled: boolean;
  denied: boolean;
  missing: boolean;
  /** Signs with another key than the one that it shows. */
  lying: boolean;
  /** Answers everything with this status. */
  status?: number;
  /** Answers everything with this. */
  reply?: KmsReply;
  /** How far the clock of the service is ahead of ours, in milliseconds. */
  clockOffsetMs?: number;
}

export interface KmsExchange {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly key: KmsKeyPair;
  readonly faults: KmsFaults;
  sign(input: Buffer, padding: 'pss' | 'pkcs1'): Buffer;
}

export interface KmsReply {
  readonly status: number;
  readonly body: unknown;
  /** The header Date; the service's clock when absent, no header when empty. */
  readonly date?: string;
}

/** A key service on loopback with one key. */
export interface KmsDouble {
  readonly url: string;
  /** Name of the key, as cosign writes it. */
  readonly uri: string;
  readonly credentials: string;
  readonly publicKey: string;
  readonly faults: KmsFaults;
  /** Paths so far; for AWS the action. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export const KMS_TOKEN = 'kms-token-of-a-test';
const AWS_CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: KMS_TOKEN, sessionToken: 'session-of-a-test' };

const ANSWERS: Readonly<Record<KmsService, (exchange: KmsExchange) => KmsReply>> = {
  aws: answerAws,
  azure: answerAzure,
  gcp: answerGcp,
  vault: answerVault,
};
const URIS: Readonly<Record<KmsService, string>> = {
  aws: 'awskms:///arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  azure: 'azurekms://vault.example/release',
  gcp: 'gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
  vault: 'hashivault://release',
};

/** What the service's clock says, in milliseconds since the epoch. */
export function nowOf({ clockOffsetMs = 0 }: KmsFaults): number {
  return Date.now() + clockOffsetMs;
}

function replyTo(service: KmsService, exchange: KmsExchange): KmsReply {
  const { reply, status } = exchange.faults;
  if (reply !== undefined) return reply;
  return status === undefined ? ANSWERS[service](exchange) : { status, body: {} };
}

export async function startKms(service: KmsService, kind: KmsKeyKind): Promise<KmsDouble> {
  const [key, other] = [makeKmsKey(kind), makeKmsKey(kind)];
  const faults: KmsFaults = { disabled: false, denied: false, missing: false, lying: false };
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push(String(request.headers['x-amz-target'] ?? path));
    const exchange: KmsExchange = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      key,
      faults,
      sign: (input, padding) => signWithKmsKey(faults.lying ? other : key, input, padding),
    };
    const { status, body, date = new Date(nowOf(faults)).toUTCString() } = replyTo(service, exchange);
    response.sendDate = false;
    if (date !== '') response.setHeader('date', date);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const { url, close } = await listenOnLoopback(server);
  return {
    url,
    uri: URIS[service],
    credentials: service === 'aws' ? JSON.stringify(AWS_CREDENTIALS) : KMS_TOKEN,
    publicKey: key.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    faults,
    requests,
    close,
  };
}
