import { createPublicKey } from 'node:crypto';
import { type Digest, sha256 } from '@paved/digest';
import type { InputsOf } from '@paved/runner-kit';
import type { KeyPolicy } from '@paved/sigstore';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';

/** A key that may have signed: SPKI in PEM, spelled in one way, and how an RSA key must have signed. */
export type PolicyKey = Pick<KeyPolicy, 'publicKey' | 'rsaPadding'>;

type Inputs = InputsOf<typeof definition>;

const MAX_KEYS = 16;
const BLOCKS = /-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----/g;
/** What is about a workflow and its certificate, or a document that only its claims make worth something. */
const OF_IDENTITIES = [
  'issuer',
  'workflow-path',
  'trust',
  'signer-digests',
  'repository-id',
  'owner-id',
  'source-ref',
  'co-signers',
] as const;

/**
 * The keys of `public-key`, or `undefined` where an identity is asked for.
 * @throws {VerifyError} `INPUT_INVALID` for anything but public keys, and for a key beside what it takes the place of
 */
export function parsePolicyKeys(inputs: Inputs): readonly PolicyKey[] | undefined {
  const text = inputs['public-key'];
  if (text === undefined) return undefined;
  const named = OF_IDENTITIES.filter((name) => inputs[name] !== undefined);
  if (inputs.threshold > 1) named.push('co-signers');
  if (named.length > 0) {
    throw invalid(
      `public-key and ${named[0]} are both set`,
      'Verify what a workflow signed in one step, and what a key signed in another',
    );
  }
  if (inputs.vsa || inputs['print-commands']) {
    throw invalid(
      `${inputs.vsa ? 'vsa' : 'print-commands'} is for identities`,
      'A key proves nothing of who built, so that nothing could stand in a summary or be asked of gh',
    );
  }
  const blocks = text.match(BLOCKS) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_KEYS || text.replaceAll(BLOCKS, '').trim() !== '') {
    throw invalid(
      `it is not one to ${MAX_KEYS} public keys in PEM and nothing else`,
      'Give the file that cosign public-key or openssl pkey -pubout writes',
    );
  }
  return blocks.map((block) => policyKey(block, inputs['rsa-padding']));
}

/** SHA-256 of the key itself (SPKI, DER), for reports. */
export function keyDigest({ publicKey }: PolicyKey): Digest {
  return sha256(createPublicKey(publicKey).export({ format: 'der', type: 'spki' }));
}

function policyKey(block: string, rsaPadding: Inputs['rsa-padding']): PolicyKey {
  try {
    const key = createPublicKey(block);
    const publicKey = key.export({ format: 'pem', type: 'spki' }).toString();
    return key.asymmetricKeyType === 'rsa' ? { publicKey, rsaPadding } : { publicKey };
  } catch (cause) {
    throw invalid('one of its keys cannot be read', 'Give SPKI in PEM: BEGIN PUBLIC KEY', cause);
  }
}

function invalid(state: string, hint: string, cause?: unknown): VerifyError {
  return new VerifyError('INPUT_INVALID', `Cannot use public-key: ${state}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
