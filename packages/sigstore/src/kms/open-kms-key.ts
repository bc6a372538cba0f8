import type { HttpClient } from '@paved/http';
import { object, optional, parseJson, string } from '@paved/json';
import { SigstoreError } from '../error.js';
import type { RsaPadding } from '../key-algorithm.js';
import type { ManagedKey } from '../managed-key.js';
import { openAwsKey } from './aws-kms.js';
import { openAzureKey } from './azure-kms.js';
import { openGcpKey } from './gcp-kms.js';
import { openVaultKey } from './vault-transit.js';

export interface KmsOptions {
  readonly http: HttpClient;
  /** Limit of each attempt without progress, in milliseconds. */
  readonly timeoutMs: number;
  /** Default `pss`; where the service fixes the padding, the service's counts. */
  readonly rsaPadding?: RsaPadding;
}

export interface OpenKmsKeyOptions extends KmsOptions {
  /**
   * `awskms:///<key ARN>`, `gcpkms://projects/.../cryptoKeyVersions/N`, `azurekms://<vault host>/<key>[/<version>]`,
   * `hashivault://<key>`, as cosign has them.
   */
  readonly uri: string;
  /** AWS: JSON with `accessKeyId`, `secretAccessKey` and `sessionToken`; the others: a token. Sent to the service alone. */
  readonly credentials: string;
  /** Address of the service; needed for `hashivault`, and for services that are not where their name says. */
  readonly endpoint?: string;
}

const awsCredentials = object({ accessKeyId: string, secretAccessKey: string, sessionToken: optional(string) });

const AWS = /^awskms:\/\/\/(arn:(aws[a-z-]*):kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]+)$/;
const GCP =
  /^gcpkms:\/\/(projects\/[\w.:-]+\/locations\/[\w-]+\/keyRings\/[\w-]+\/cryptoKeys\/[\w-]+\/cryptoKeyVersions\/\d+)$/;
const AZURE = /^azurekms:\/\/([a-z0-9.-]+(?::\d+)?)\/([A-Za-z0-9-]+)(?:\/([0-9a-f]+))?$/;
const VAULT = /^hashivault:\/\/([\w-]+)$/;

/**
 * Opens a key in a key service and reads its public key.
 * @throws {SigstoreError} `KEY_URI`, `KEY_CREDENTIALS`, and what `askKms` throws
 */
export async function openKmsKey(options: OpenKmsKeyOptions): Promise<ManagedKey> {
  const { uri, credentials, endpoint } = options;
  const aws = AWS.exec(uri);
  if (aws !== null) {
    const [, keyId = '', partition = '', region = ''] = aws;
    const url = endpoint === undefined ? awsEndpoint(partition, region) : new URL(endpoint);
    return await openAwsKey({ keyId, region, endpoint: url }, options, parseAwsCredentials(credentials));
  }
  if (credentials === '') throw noCredentials();
  const gcp = GCP.exec(uri);
  if (gcp !== null) {
    const url = new URL(endpoint ?? 'https://cloudkms.googleapis.com');
    return await openGcpKey({ version: gcp[1] ?? '', endpoint: url }, options, credentials);
  }
  const azure = AZURE.exec(uri);
  if (azure !== null) {
    const [, host = '', key = '', version] = azure;
    const vault = new URL(endpoint ?? `https://${host}`);
    return await openAzureKey({ vault, key, ...(version === undefined ? {} : { version }) }, options, credentials);
  }
  const vault = VAULT.exec(uri);
  if (vault === null || endpoint === undefined) throw unknownUri(vault !== null);
  return await openVaultKey({ address: new URL(endpoint), key: vault[1] ?? '' }, options, credentials);
}

/** Where the service of each partition is; of others a guess would send credentials to whoever has the name. */
const AWS_SUFFIXES: Readonly<Record<string, string>> = {
  aws: 'amazonaws.com',
  'aws-us-gov': 'amazonaws.com',
  'aws-cn': 'amazonaws.com.cn',
};

/** @throws {SigstoreError} `KEY_URI` for a partition whose addresses are not known */
export function awsEndpoint(partition: string, region: string): URL {
  const suffix = Object.hasOwn(AWS_SUFFIXES, partition) ? AWS_SUFFIXES[partition] : undefined;
  if (suffix === undefined) throw unknownUri(true);
  return new URL(`https://kms.${region}.${suffix}`);
}

function parseAwsCredentials(text: string) {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = parseJson('the credentials', text, awsCredentials);
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  } catch {
    // No cause: a parser's message quotes what it read.
    throw noCredentials();
  }
}

function noCredentials(): SigstoreError {
  return new SigstoreError('KEY_CREDENTIALS', 'Cannot use the key service: its credentials are missing or malformed', {
    hint: 'AWS takes JSON with accessKeyId, secretAccessKey and sessionToken; the other services take a token',
  });
}

function unknownUri(needsAddress: boolean): SigstoreError {
  const state = needsAddress ? 'the address of the service is missing' : 'it names no key of a known service';
  return new SigstoreError('KEY_URI', `Cannot use the key: ${state}`, {
    hint: 'Write awskms:///ARN, gcpkms://projects/..., azurekms://HOST/KEY, or hashivault://KEY with the address',
  });
}
