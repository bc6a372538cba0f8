import {
  buildCycloneDx,
  buildSpdx,
  type CycloneDxVersion,
  MAX_SBOM_BYTES,
  type SbomContext,
  type Trimmed,
  trimToFit,
  writeCycloneDx,
  writeSpdx,
} from '@paved/bom';
import type { Sources } from './sources.js';

export type Documents = Readonly<Record<'cyclonedx' | 'spdx', Trimmed>>;

/**
 * Both documents, each below what a store attests. A fetch manifest alone is written with everything that it knows; only where that
 * is too large, and for several sources, the merged bill is written.
 */
export function writeDocuments({ bom, manifest }: Sources, context: SbomContext, version: CycloneDxVersion): Documents {
  const merged = {
    cyclonedx: () => trimToFit(bom, (part) => writeCycloneDx(part, context, version)),
    spdx: () => trimToFit(bom, (part) => writeSpdx(part, context)),
  };
  if (manifest === undefined) return { cyclonedx: merged.cyclonedx(), spdx: merged.spdx() };
  const whole = (text: string, otherwise: () => Trimmed): Trimmed =>
    Buffer.byteLength(text) <= MAX_SBOM_BYTES ? { text, dropped: [] } : otherwise();
  return {
    cyclonedx: whole(buildCycloneDx(manifest, context, version), merged.cyclonedx),
    spdx: whole(buildSpdx(manifest, context), merged.spdx),
  };
}
