import { sigstoreSuite } from './sigstore/sigstore-suite.js';
import type { EngineSuite } from './suite.js';

export const SUITES: Readonly<Record<string, EngineSuite>> = {
  sigstore: sigstoreSuite,
};
