import {
  type CycloneDxVersion,
  type SbomContext,
  type Trimmed,
  trimToFit,
  writeCycloneDx,
  writeSpdx,
} from '@paved/bom';
import type { Sources } from './sources.js';

export type Documents = Readonly<Record<'cyclonedx' | 'spdx', Trimmed>>;

/** Both documents of the merged bill, each below what a store attests. */
export function writeDocuments({ bom }: Sources, context: SbomContext, version: CycloneDxVersion): Documents {
  return {
    cyclonedx: trimToFit(bom, (part) => writeCycloneDx(part, context, version)),
    spdx: trimToFit(bom, (part) => writeSpdx(part, context)),
  };
}
