import { lstat } from 'node:fs/promises';
import { PREDICATE_TYPES, parseStatement, type Statement, type Subject } from '@paved/attestation';
import { type Digest, parseDigest, sha256 } from '@paved/digest';
import type { VexSignature, VexSigner } from '@paved/gate';
import { object, parseJson, string } from '@paved/json';
import type { IdentityPolicy, KeyPolicy, VerifyBundleOptions, VerifyKeyBundleOptions } from '@paved/sigstore';
import { ScanGateError } from './error.js';
import { readRegularFile } from './read-file.js';

export const BUNDLE_SUFFIX = '.sigstore.json';
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
/** What `vexctl attest` and `cosign attest --type openvex` write. */
const OPENVEX_PREDICATE = /^https:\/\/openvex\.dev\/ns(?:\/v0\.[0-9]+\.[0-9]+)?$/;
/** Of several refusals, the one that says most: a key is no certificate, which is nobody's fault. */
const WRONG_KIND = new Set(['KEY_MISMATCH', 'CERTIFICATE_MISSING']);

/** Who may sign, and under which keys that is verified. */
export interface VexTrust {
  readonly signers: readonly VexSigner[];
  /** trusted_root.json; without it no signature is believed. */
  readonly trustedRoot: string | undefined;
  /** What is released: the statement of a bundle must be about one of these. */
  readonly released: ReadonlySet<Digest>;
}

type About = Pick<VerifyBundleOptions, 'artifactDigest' | 'artifactBytes'>;

/** Told by the content: a name proves nothing. */
export function isBundle(bytes: Buffer): boolean {
  return /^\s*\{/.test(bytes.toString('latin1', 0, 64)) && bytes.includes('"application/vnd.dev.sigstore.bundle');
}

/** The bundle `<file>.sigstore.json`; `undefined` when there is none. */
export async function readBundleBeside(path: string): Promise<string | undefined> {
  const beside = `${path}${BUNDLE_SUFFIX}`;
  if ((await lstat(beside).catch(() => undefined)) === undefined) return undefined;
  return (await readRegularFile(beside, MAX_BUNDLE_BYTES)).toString('utf8');
}

/** Whether one of the policy's signers signed these bytes; never an error, because an unsigned statement is only of no use. */
export async function verifyVexFile(bytes: Uint8Array, bundle: string, trust: VexTrust): Promise<VexSignature> {
  const about = { artifactDigest: sha256(bytes), artifactBytes: bytes };
  return await verify(bundle, about, trust, (type) => type === undefined || type === PREDICATE_TYPES.signature);
}

/**
 * The OpenVEX document inside a signed statement. It is about a released artifact, or its signature does not count here.
 * @throws {ScanGateError} `VEX_BUNDLE_INVALID` when it has no such document
 */
export async function verifyVexBundle(
  bundle: string,
  trust: VexTrust,
): Promise<{ readonly bytes: Uint8Array; readonly signature?: VexSignature }> {
  const statement = statementOf(bundle);
  const bytes = Buffer.from(JSON.stringify(statement.predicate));
  if (trust.signers.length === 0) return { bytes };
  const digest = statement.subject.flatMap(digestsOf).find((item) => trust.released.has(item));
  if (digest === undefined) return { bytes, signature: { refused: 'SUBJECT_MISMATCH' } };
  const about = { artifactDigest: digest };
  return { bytes, signature: await verify(bundle, about, trust, (type) => OPENVEX_PREDICATE.test(type ?? '')) };
}

async function verify(
  bundle: string,
  about: About,
  trust: VexTrust,
  allows: (predicateType: string | undefined) => boolean,
): Promise<VexSignature> {
  if (trust.trustedRoot === undefined) return { refused: 'TRUSTED_ROOT_MISSING' };
  // Loaded late: most decisions have no signed statements.
  const { parseTrustedRoot, SigstoreError, verifyBundle } = await import('@paved/sigstore');
  const trustedRoot = parseTrustedRoot(trust.trustedRoot);
  const codes: string[] = [];
  for (const signer of trust.signers) {
    // `preferred`: an instance without a log has timestamps, and an entry that is there must verify.
    const common = { bundle, trustedRoot, transparency: 'preferred', ...about } as const;
    try {
      const policy = policyOf(signer);
      const { predicateType } = verifyBundle({ ...common, policy } as VerifyBundleOptions & VerifyKeyBundleOptions);
      if (allows(predicateType)) return { verified: signer };
      codes.push('PREDICATE_TYPE_MISMATCH');
    } catch (error) {
      if (!(error instanceof SigstoreError)) throw error;
      codes.push(error.code);
    }
  }
  return { refused: codes.find((code) => !WRONG_KIND.has(code)) ?? codes[0] ?? 'VEX_UNSIGNED' };
}

function policyOf(signer: VexSigner): IdentityPolicy | KeyPolicy {
  if (signer.by === 'key') return { publicKey: signer.publicKey };
  const { by: _by, ...policy } = signer;
  return policy;
}

const envelope = object({ dsseEnvelope: object({ payload: string }) });

function statementOf(bundle: string): Statement {
  let statement: Statement | undefined;
  let cause: unknown;
  try {
    const { payload } = parseJson('the bundle', bundle, envelope).dsseEnvelope;
    statement = parseStatement(Buffer.from(payload, 'base64'));
  } catch (error) {
    cause = error;
  }
  if (statement !== undefined && OPENVEX_PREDICATE.test(statement.predicateType)) return statement;
  throw new ScanGateError('VEX_BUNDLE_INVALID', 'Cannot read VEX from a bundle: it has no statement of OpenVEX in it', {
    cause,
    hint: 'Give the document itself with its bundle beside it, or a bundle of `vexctl attest`',
  });
}

function digestsOf({ digest: { sha256: short = '', sha512: long = '' } }: Subject): readonly Digest[] {
  return [
    ...(/^[0-9a-f]{64}$/.test(short) ? [parseDigest(`sha256:${short}`)] : []),
    ...(/^[0-9a-f]{128}$/.test(long) ? [parseDigest(`sha512:${long}`)] : []),
  ];
}
