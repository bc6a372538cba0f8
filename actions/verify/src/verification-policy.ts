import { type PredicateSlot, parseTrust, releasedCommits } from '@paved/attestation';
import { type Digest, sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import type { InputsOf } from '@paved/runner-kit';
import { assertIdentityPolicy, type IdentityPolicy } from '@paved/sigstore';
import { type CoSigner, parseCoSigners } from './co-signers.js';
import type { Signer } from './counted-bundle.js';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';
import { type Expectations, parseExpectations } from './expectations.js';
import { type PolicyKey, parsePolicyKeys } from './policy-keys.js';
import { parseRequirements } from './requirements.js';
import { assertTrusts, type Trust, trustOf } from './trust.js';

/** Everything that was asked for; its canonical JSON is what a verification summary names as its policy. */
export interface VerificationPolicy {
  /** Absent where `keys` take its place. */
  readonly identity?: IdentityPolicy;
  /** Any of them may have signed; they prove nothing of who built. */
  readonly keys?: readonly PolicyKey[];
  readonly require: readonly PredicateSlot[];
  /** How old the latest signature of a slot may be, in milliseconds. */
  readonly maxAgeMs?: Readonly<Partial<Record<PredicateSlot, number>>>;
  /** What each manifest below an index must have; absent when only the index itself counts. */
  readonly childRequire?: readonly PredicateSlot[];
  /** The same as `maxAgeMs` for these manifests; where it names no age, that of `maxAgeMs` holds. */
  readonly childMaxAgeMs?: Readonly<Partial<Record<PredicateSlot, number>>>;
  readonly allowIsolationNone: boolean;
  /** Absent wherever something is released. */
  readonly allowRehearsal?: true;
  readonly transparency: 'required' | 'preferred' | 'off';
  readonly trustedRoot: Digest;
  readonly trust?: Trust;
  readonly expectations?: Expectations;
  /** Who has to sign besides `identity`, and how many of all of them. */
  readonly coSigners?: readonly CoSigner[];
  readonly threshold?: number;
  /** The moment that the question is asked for, when it is not now. */
  readonly at?: string;
}

type Inputs = InputsOf<typeof definition>;

/**
 * There is no policy of a certificate's signer alone: workflow, its commits, repository and owner by id are all required, or a key.
 * @param serverHost put before a workflow path that names no host
 * @throws {SigstoreError} `POLICY_INVALID`; {VerifyError} `INPUT_INVALID` when nothing is required, or parts contradict each other
 */
export function verificationPolicy(inputs: Inputs, serverHost: string, trustedRoot: Digest): VerificationPolicy {
  const signers = signersNamed(inputs, serverHost);
  const { require, maxAgeMs } = parseRequirements(inputs.require);
  const below = inputs.children ? childRequirements(inputs['child-require']) : {};
  if (signers.keys !== undefined) assertForKeys([...require, ...(below.childRequire ?? [])]);
  const expectations = parseExpectations(inputs);
  if (expectations !== undefined && !require.includes('provenance')) {
    throw new VerifyError('INPUT_INVALID', 'Cannot compare the provenance: require does not name it');
  }
  const coSigners = signers.identity === undefined ? [] : parseCoSigners(inputs['co-signers'], signers.identity);
  if (inputs.threshold > coSigners.length + 1) {
    throw new VerifyError('INPUT_INVALID', `Cannot reach a threshold of ${inputs.threshold}: fewer signers are named`, {
      hint: 'Name the others in co-signers',
    });
  }
  return {
    ...signers,
    require,
    ...(isEmpty(maxAgeMs) ? {} : { maxAgeMs }),
    ...below,
    allowIsolationNone: inputs['allow-isolation-none'],
    ...(inputs['allow-rehearsal'] ? { allowRehearsal: true } : {}),
    transparency: inputs.transparency,
    trustedRoot,
    ...(expectations === undefined ? {} : { expectations }),
    ...(coSigners.length === 0 ? {} : { coSigners }),
    ...(inputs.threshold === 1 ? {} : { threshold: inputs.threshold }),
    ...(inputs.at === undefined ? {} : { at: parseMoment(inputs.at) }),
  };
}

function childRequirements(lines: readonly string[]): Pick<VerificationPolicy, 'childRequire' | 'childMaxAgeMs'> {
  const { require, maxAgeMs } = parseRequirements(lines);
  return { childRequire: require, ...(isEmpty(maxAgeMs) ? {} : { childMaxAgeMs: maxAgeMs }) };
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

export function policyDigest(policy: VerificationPolicy): Digest {
  return sha256(canonicalJson(policy));
}

/** Any of these may have signed. */
export function signersOf({ identity, keys = [] }: VerificationPolicy): readonly Signer[] {
  return identity === undefined ? keys : [identity];
}

function signersNamed(inputs: Inputs, serverHost: string): Pick<VerificationPolicy, 'identity' | 'keys' | 'trust'> {
  const keys = parsePolicyKeys(inputs);
  if (keys !== undefined) return { keys };
  const trust = inputs.trust === undefined ? undefined : parseTrust(inputs.trust);
  const identity = identityOf(inputs, serverHost, trust === undefined ? [] : releasedCommits(trust));
  if (trust !== undefined) assertTrusts(trust, identity);
  assertIdentityPolicy(identity);
  return { identity, ...(trust === undefined ? {} : { trust: trustOf(trust, inputs.trust ?? '') }) };
}

/** Every field of provenance is compared with the certificate's claims: without them it would be believed as it stands. */
function assertForKeys(slots: readonly PredicateSlot[]): void {
  if (!slots.includes('provenance')) return;
  throw new VerifyError('INPUT_INVALID', 'Cannot require provenance under a key: nothing proves what it says', {
    hint: 'Set require and child-require to what the key signs, for example signature',
  });
}

function identityOf(inputs: Inputs, serverHost: string, released: readonly string[]): IdentityPolicy {
  const { issuer, 'workflow-path': path, 'repository-id': repositoryId, 'owner-id': ownerId } = inputs;
  if (issuer === undefined || path === undefined || repositoryId === undefined || ownerId === undefined) {
    throw new VerifyError('INPUT_INVALID', 'Cannot say who may have signed: a part of the identity is empty', {
      hint: 'Give issuer, workflow-path, repository-id and owner-id; or public-key for what a key signed',
    });
  }
  return {
    issuer,
    workflowPath: /^[^/]+\/[^/]+\/\.github\//.test(path) ? `${serverHost}/${path}` : path,
    signerDigests: inputs['signer-digests'] ?? released,
    repositoryId,
    ownerId,
    runnerEnvironment: inputs['runner-environment'],
    ...(inputs['source-ref'] === undefined ? {} : { sourceRef: inputs['source-ref'] }),
  };
}

const MOMENT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A day alone is its end in UTC: what was signed on it counts. */
function parseMoment(text: string): string {
  const whole = text.includes('T') ? text : `${text}T23:59:59Z`;
  if (MOMENT.test(text) && !Number.isNaN(Date.parse(whole))) return new Date(whole).toISOString();
  throw new VerifyError('INPUT_INVALID', `Cannot read at "${text.slice(0, 40)}": it is not a time`, {
    hint: 'Give a day as 2026-01-31, or a time with its offset as 2026-01-31T12:00:00Z',
  });
}
