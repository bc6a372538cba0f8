import type { Digest } from '@paved/digest';
import { sha256 } from '@paved/digest';
import type { Bom } from './bom.js';
import { BomError } from './error.js';
import { MAX_SBOM_BYTES } from './parse-sbom.js';

/** What was left out to come below the limit, and the digest of the document that has it all. */
export interface Trimmed {
  readonly text: string;
  /** Absent when nothing was left out. */
  readonly whole?: { readonly text: string; readonly digest: Digest };
  readonly dropped: readonly string[];
}

/** In this order: what says least about what is inside goes first; packages, versions, purls and edges never go. */
const STEPS: readonly (readonly [string, (bom: Bom) => Bom])[] = [
  ['files', (bom) => ({ ...bom, components: bom.components.filter(({ type }) => type !== 'file') })],
  ['locations', (bom) => ({ ...bom, components: bom.components.map((entry) => ({ ...entry, locations: [] })) })],
  [
    'digests other than SHA-256',
    (bom) => ({
      ...bom,
      components: bom.components.map((entry) => ({
        ...entry,
        hashes: entry.hashes.filter(({ alg }) => alg === 'SHA-256'),
      })),
    }),
  ],
  [
    'CPEs of packages that have a purl',
    (bom) => ({
      ...bom,
      components: bom.components.map(({ cpe, ...entry }) =>
        cpe === undefined || entry.purl !== undefined ? entry : { ...entry, cpe },
      ),
    }),
  ],
];

/**
 * Writes `bom`, and when that is above `maxBytes` writes it without indentation and then with less and less, until it fits:
 * stores refuse an attestation above 16 MiB at release time, when it is too late to change anything.
 * @throws {BomError} `SBOM_TOO_LARGE` when packages and edges alone are too large
 */
export function trimToFit(bom: Bom, write: (bom: Bom) => string, maxBytes: number = MAX_SBOM_BYTES): Trimmed {
  const text = write(bom);
  if (Buffer.byteLength(text) <= maxBytes) return { text, dropped: [] };
  const whole = { text, digest: sha256(text) };
  const dropped = ['indentation'];
  let small = compact(text);
  let current = bom;
  for (const [what, step] of STEPS) {
    if (Buffer.byteLength(small) <= maxBytes) break;
    current = step(current);
    small = compact(write(current));
    dropped.push(what);
  }
  if (Buffer.byteLength(small) <= maxBytes) return { text: small, whole, dropped };
  throw new BomError(
    'SBOM_TOO_LARGE',
    `Cannot attest the SBOM: packages alone are ${Buffer.byteLength(small)} bytes of ${maxBytes}`,
    {
      hint: 'Release the parts as artifacts of their own, each with its SBOM',
    },
  );
}

function compact(text: string): string {
  return `${JSON.stringify(JSON.parse(text))}\n`;
}
