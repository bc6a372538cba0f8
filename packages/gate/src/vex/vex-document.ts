import type { VexStatement } from './vex-index.js';

/** One document, whichever format it came in. */
export interface VexDocument {
  readonly format: 'openvex' | 'cyclonedx' | 'csaf';
  readonly author: string;
  readonly statements: readonly VexStatement[];
}
