import { childrenOf, DER, readSingle } from '../der.js';
import type { Certificate } from './certificate-fields.js';
import type { Authority } from './trust-material.js';

export const OID_SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const OID_BASIC_CONSTRAINTS = '2.5.29.19';
/** Extensions that are read here, or by Node for `checkIssued` and `ca`: key usage, names, constraints, purposes. */
const UNDERSTOOD = new Set(['2.5.29.15', OID_SUBJECT_ALTERNATIVE_NAME, OID_BASIC_CONSTRAINTS, '2.5.29.37']);
const MAX_PATH = 8;

/** A release has one certificate; whoever follows a log meets thousands. */
const MAX_KNOWN = 256;

/** By DER in base64; only what the bytes alone decide is kept, never a time. */
const known = new WeakMap<Authority, Map<string, readonly Certificate[] | undefined>>();

/**
 * The path from `leaf` to the self-signed certificate of the authority (RFC 5280, section 6.1: signatures, names, authority bits, key
 * usage, path length, critical extensions), leaf first; `undefined` where there is none. At what time it is valid is another question.
 */
export function findPath(leaf: Certificate, authority: Authority): readonly Certificate[] | undefined {
  const paths = known.get(authority) ?? new Map<string, readonly Certificate[] | undefined>();
  known.set(authority, paths);
  const key = leaf.der.toString('base64');
  if (paths.size >= MAX_KNOWN) paths.clear();
  if (!paths.has(key)) paths.set(key, buildPath([leaf], authority.chain));
  return paths.get(key);
}

function buildPath(path: readonly Certificate[], chain: readonly Certificate[]): readonly Certificate[] | undefined {
  const subject = path.at(-1);
  if (subject === undefined || path.length > MAX_PATH || !isUnderstood(subject)) return undefined;
  // The end is trusted by its bytes, and by no signature (RFC 5280, section 6.1.1): it has to be one of the authority's own.
  if (isSelfIssued(subject)) return chain.some(({ der }) => der.equals(subject.der)) ? path : undefined;
  for (const issuer of chain) {
    if (path.includes(issuer) || !mayIssue(issuer, path.length - 1) || !isIssuedBy(subject, issuer)) continue;
    const whole = buildPath([...path, issuer], chain);
    if (whole !== undefined) return whole;
  }
  return undefined;
}

function isSelfIssued({ issuer, subject, native }: Certificate): boolean {
  return issuer.equals(subject) && native.checkIssued(native);
}

function isIssuedBy(subject: Certificate, issuer: Certificate): boolean {
  if (!subject.issuer.equals(issuer.subject)) return false;
  try {
    return subject.native.checkIssued(issuer.native) && subject.native.verify(issuer.native.publicKey);
  } catch {
    return false;
  }
}

/** @param below how many authorities stand between it and the leaf */
function mayIssue({ native, extensions }: Certificate, below: number): boolean {
  const constraints = extensions.get(OID_BASIC_CONSTRAINTS);
  if (!native.ca || constraints === undefined) return false;
  try {
    const limit = childrenOf(readSingle(constraints.value, DER.sequence)).find(({ tag }) => tag === DER.integer);
    return limit === undefined || Number(`0x${limit.content.toString('hex')}`) >= below;
  } catch {
    return false;
  }
}

/** What is critical and not understood refuses the certificate (RFC 5280, section 4.2); so does the poison of a precertificate. */
function isUnderstood({ extensions }: Certificate): boolean {
  return [...extensions].every(([oid, { critical }]) => !critical || UNDERSTOOD.has(oid));
}
