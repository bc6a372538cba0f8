import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { parseBundle } from '../src/bundle.js';
import { parseTrustedRoot, SigstoreError } from '../src/index.js';
import { readCertificate } from '../src/verify/certificate-fields.js';
import { verifyMaterial } from '../src/verify-material.js';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const FIXTURES = join(repository, 'test/fixtures/sigstore-bundles');
const CHANGES = 150;

interface Material {
  readonly bundle: string;
  readonly trustedRoot: string;
  readonly artifact: Buffer;
}

type Verdict = 'accepted' | 'refused';

function ours({ bundle, trustedRoot, artifact }: Material): Verdict {
  try {
    verifyMaterial({
      bundle: parseBundle(bundle),
      trustedRoot: parseTrustedRoot(trustedRoot),
      artifactBytes: artifact,
      names: 'any',
      transparency: 'required',
    });
    return 'accepted';
  } catch (error) {
    // Anything else would be a defect, and end the action without a word about the bundle.
    if (error instanceof SigstoreError) return 'refused';
    throw error;
  }
}

/** What the library of the field says. */
function theirs({ bundle, trustedRoot, artifact }: Material): Verdict {
  try {
    const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trustedRoot)));
    const ctlogThreshold = material.ctlogs.length > 0 ? 1 : 0;
    const verifier = new Verifier(material, { ctlogThreshold, tlogThreshold: 1, timestampThreshold: 1 });
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle)), artifact));
    return 'accepted';
  } catch {
    return 'refused';
  }
}

/** Numbers that are the same in every run (an LCG of Numerical Recipes). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Names of what a key says itself: a root with a new one must stay readable, where the library refuses the whole of it. */
const NAMES_OF_KEYS = new Set(['hashAlgorithm', 'keyDetails']);

type Path = readonly (string | number)[];

function leavesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, [...path, key]));
}

interface Changed {
  readonly path: string;
  readonly text: string;
}

/** One bit of one leaf: of its bytes where it is base64, else of its text. */
function flipped(text: string, next: (below: number) => number): Changed {
  const root = JSON.parse(text);
  const paths = leavesOf(root).filter((path) => !NAMES_OF_KEYS.has(String(path.at(-1))));
  const path = paths[next(paths.length)] ?? [];
  const holder = path.slice(0, -1).reduce((at, key) => at[key], root);
  const key = path.at(-1) ?? '';
  holder[key] = flippedLeaf(String(holder[key]), next);
  return { path: path.join('.'), text: JSON.stringify(root) };
}

function flippedLeaf(leaf: string, next: (below: number) => number): string {
  const isBase64 = leaf.length > 8 && leaf.length % 4 === 0 && /^[A-Za-z0-9+/]+=*$/.test(leaf);
  const bytes = Buffer.from(leaf, isBase64 ? 'base64' : 'utf8');
  if (bytes.length === 0) return 'A';
  const at = next(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << next(isBase64 ? 8 : 5));
  return bytes.toString(isBase64 ? 'base64' : 'utf8');
}

/**
 * Whether what differs is nothing that a trust anchor is used for (RFC 5280, section 6.1.1: its name and its key). Only the library
 * looks at the signature that a root made over itself.
 */
function isAnchor(path: string, before: string, after: string): boolean {
  if (!/certChain\.certificates\.\d+\.rawBytes$/.test(path)) return false;
  const [old, changed] = [before, after].map((text) => {
    const der = path.split('.').reduce((at, key) => at[key], JSON.parse(text));
    const { issuer, subject, spki, extensions } = readCertificate(Buffer.from(der, 'base64'));
    const values = [...extensions].map(([oid, { critical, value }]) => `${oid} ${critical} ${value.toString('hex')}`);
    return {
      isSelfIssued: issuer.equals(subject),
      used: [issuer, subject, spki].map((part) => part.toString('hex')),
      values,
    };
  });
  return old?.isSelfIssued === true && isDeepStrictEqual(old, changed);
}

function read(name: string): Material | undefined {
  const { cases } = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'));
  const files = cases[name];
  const found = files !== undefined && existsSync(join(FIXTURES, files.bundle));
  if (!found) return undefined;
  const text = (path: string) => readFileSync(join(FIXTURES, path), 'utf8');
  return {
    bundle: text(files.bundle),
    trustedRoot: text(files.trustedRoot),
    artifact: readFileSync(join(FIXTURES, files.artifact)),
  };
}

const NAMES = Object.entries(JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')).cases)
  .map(([name]) => name)
  .filter((name) => {
    const material = read(name);
    return material !== undefined && ours(material) === 'accepted';
  });

test('there are bundles of every kind to change', () => {
  expect(NAMES).toEqual(expect.arrayContaining(['happy-path-v0.3', 'rekor2-dsse-happy-path']));
});

describe.each(NAMES)('%s', (name) => {
  const material = read(name) as Material;

  test('is accepted by both', () => {
    expect([ours(material), theirs(material)]).toEqual(['accepted', 'accepted']);
  });

  test.each(['bundle', 'trustedRoot'] as const)(
    'with one bit of the %s changed is accepted by us only if by both',
    (what) => {
      const next = numbers(name.length * 7919);
      const verdicts = Array.from({ length: CHANGES }, () => {
        const { path, text } = flipped(material[what], next);
        const changed = { ...material, [what]: text };
        return { path, text, ours: ours(changed), theirs: theirs(changed) };
      });
      const more = verdicts.filter((both) => both.ours === 'accepted' && both.theirs === 'refused');
      const wrong = more.filter(({ path, text }) => !isAnchor(path, material[what], text));
      expect(wrong.map(({ path }) => path)).toEqual([]);
      expect(verdicts.filter((both) => both.ours === 'refused').length).toBeGreaterThan(0);
    },
  );
});
