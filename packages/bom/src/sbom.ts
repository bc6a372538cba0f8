import type { Digest } from '@paved/digest';
import type { SbomKind } from './schema.js';

/** One component as the document states it; `purl` is canonical, absent where the document has none or a malformed one. */
export interface SbomComponent {
  readonly purl?: string;
  /** Full name in the ecosystem's own spelling where the document keeps it (CycloneDX group and name joined by `/`). */
  readonly name: string;
  readonly version?: string;
  /** As declared: SPDX ids, expressions or the package's own words. */
  readonly licences: readonly string[];
  readonly scope: 'runtime' | 'development';
  /** Required by the main component itself; false also when the document tells no dependencies. */
  readonly direct: boolean;
}

/** What the gate needs of an SBOM, whichever format it came in. Components are sorted and never contain the main one. */
export interface Sbom {
  readonly kind: SbomKind;
  readonly version: string;
  readonly name: string;
  /** Digests of what the document says it describes; the caller compares them with the bytes it holds. */
  readonly subjects: readonly Digest[];
  readonly components: readonly SbomComponent[];
}
