import { registriesSuite } from './registries/registries-suite.js';
import { sigstoreSuite } from './sigstore/sigstore-suite.js';
import type { EngineSuite } from './suite.js';

export const SUITES: Readonly<Record<string, EngineSuite>> = {
  registries: registriesSuite,
  sigstore: sigstoreSuite,
};
