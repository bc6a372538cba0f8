import { describe, expect, test } from '@jest/globals';
import { type Certificate, readCertificate } from '../src/verify/certificate-fields.js';
import { findPath } from '../src/verify/certificate-path.js';
import {
  AUTHORITY,
  basicConstraints,
  type CertificateParts,
  certificate,
  critical,
  keyUsage,
  newKey,
  octets,
  oid,
  sequence,
} from './made-certificates.js';

const FOREVER = { start: new Date(0), end: new Date(8.64e15) };
const [ROOT, UPPER, LOWER, LEAF] = [newKey(), newKey(), newKey(), newKey()];
const UNKNOWN = '2b0601040181fd5901';
const POISON = '2b06010401d679020403';

type Change = Partial<CertificateParts>;

interface Changes {
  readonly root?: Change;
  readonly upper?: Change;
  readonly lower?: Change;
  readonly leaf?: Change;
}

function made(parts: CertificateParts, change: Change = {}): Certificate {
  return readCertificate(certificate({ ...parts, ...change }));
}

/** root, which issued upper, which issued lower, which issued leaf. */
function chainOf(changes: Changes = {}) {
  const from = (issuer: string, signer: typeof ROOT) => ({ issuer, signer: signer.privateKey });
  const authority = (subject: string, { publicKey: key }: typeof ROOT) => ({ subject, key, extensions: AUTHORITY });
  const root = made({ ...authority('root', ROOT), ...from('root', ROOT) }, changes.root);
  const upper = made({ ...authority('upper', UPPER), ...from('root', ROOT) }, changes.upper);
  const lower = made({ ...authority('lower', LOWER), ...from('upper', UPPER) }, changes.lower);
  const extensions = [keyUsage(0x80)];
  const leaf = made({ subject: 'leaf', key: LEAF.publicKey, extensions, ...from('lower', LOWER) }, changes.leaf);
  return { root, upper, lower, leaf };
}

function pathOf(changes: Changes = {}): readonly Certificate[] | undefined {
  const { root, upper, lower, leaf } = chainOf(changes);
  return findPath(leaf, { chain: [lower, upper, root], validFor: FOREVER });
}

const extension = (hex: string, ...flag: readonly Buffer[]) =>
  sequence(oid(hex), ...flag, octets(Buffer.from('0500', 'hex')));

test('the path goes from the leaf to the root, whatever the order of the chain', () => {
  const { root, upper, lower, leaf } = chainOf();
  const path = [leaf, lower, upper, root];
  expect(findPath(leaf, { chain: [lower, upper, root], validFor: FOREVER })).toEqual(path);
  expect(findPath(leaf, { chain: [root, upper, lower], validFor: FOREVER })).toEqual(path);
});

test('an extension that is not critical need not be understood', () => {
  expect(pathOf({ leaf: { extensions: [keyUsage(0x80), extension(UNKNOWN)] } })).toHaveLength(4);
});

describe('there is no path', () => {
  test.each<[string, Changes]>([
    ['when the leaf is signed by another key of the same name', { leaf: { signer: newKey().privateKey } }],
    ['when the leaf names another issuer', { leaf: { issuer: 'Lower' } }],
    ['when an intermediate is signed by another key', { lower: { signer: newKey().privateKey } }],
    ['when an intermediate is no authority', { lower: { extensions: [basicConstraints(false), keyUsage(0x06)] } }],
    ['when an intermediate does not say that it is one', { lower: { extensions: [keyUsage(0x06)] } }],
    [
      'when the key of an intermediate signs no certificates',
      { upper: { extensions: [basicConstraints(true), keyUsage(0x80)] } },
    ],
    [
      'when an intermediate may have no authority below it',
      { upper: { extensions: [basicConstraints(true, 0), keyUsage(0x06)] } },
    ],
    [
      'when the root may have one authority below it',
      { root: { extensions: [basicConstraints(true, 1), keyUsage(0x06)] } },
    ],
    [
      'when the leaf has a critical extension that nobody understands',
      { leaf: { extensions: [extension(UNKNOWN, critical)] } },
    ],
    ['when the leaf is a precertificate', { leaf: { extensions: [extension(POISON, critical)] } }],
    [
      'when an intermediate has a critical extension that nobody understands',
      { lower: { extensions: [...AUTHORITY, extension(UNKNOWN, critical)] } },
    ],
  ])('%s', (_name, changes) => {
    expect(pathOf(changes)).toBeUndefined();
  });

  test('to a root that the authority does not have', () => {
    const { upper, lower, leaf } = chainOf();
    expect(findPath(leaf, { chain: [lower, upper], validFor: FOREVER })).toBeUndefined();
    const other = chainOf({ root: { serialNumber: Buffer.from([7]), key: newKey().publicKey } });
    expect(findPath(leaf, { chain: [lower, upper, other.root], validFor: FOREVER })).toBeUndefined();
  });

  test('of a certificate that signed itself', () => {
    const own = made({ subject: 'leaf', issuer: 'leaf', key: LEAF.publicKey, signer: LEAF.privateKey, extensions: [] });
    const { root, upper, lower } = chainOf();
    expect(findPath(own, { chain: [lower, upper, root], validFor: FOREVER })).toBeUndefined();
  });

  test('that goes in a circle', () => {
    const turned = chainOf({ upper: { issuer: 'lower', signer: LOWER.privateKey } });
    const { upper, lower, leaf } = turned;
    expect(findPath(leaf, { chain: [lower, upper], validFor: FOREVER })).toBeUndefined();
  });
});

test('path lengths that are kept are no hindrance', () => {
  const limited = (maxPath: number) => ({ extensions: [basicConstraints(true, maxPath), keyUsage(0x06)] });
  expect(pathOf({ root: limited(2), upper: limited(1), lower: limited(0) })).toHaveLength(4);
});

test('what is known of one leaf is not said of another', () => {
  const { root, upper, lower, leaf } = chainOf();
  const authority = { chain: [lower, upper, root], validFor: FOREVER };
  expect(findPath(leaf, authority)).toBeDefined();
  expect(findPath(chainOf({ leaf: { signer: newKey().privateKey } }).leaf, authority)).toBeUndefined();
  expect(findPath(leaf, { chain: [root], validFor: FOREVER })).toBeUndefined();
});
