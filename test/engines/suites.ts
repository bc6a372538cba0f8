import { actSuite } from './act/act-suite.js';
import { registriesSuite } from './registries/registries-suite.js';
import { roadSuite } from './road/road-suite.js';
import { keysSuite } from './sigstore/keys-suite.js';
import { sigstoreSuite } from './sigstore/sigstore-suite.js';
import type { EngineSuite } from './suite.js';
import { zizmorSuite } from './zizmor/zizmor-suite.js';

export const SUITES: Readonly<Record<string, readonly EngineSuite[]>> = {
  act: [actSuite],
  registries: [registriesSuite],
  sigstore: [sigstoreSuite, keysSuite, roadSuite, zizmorSuite],
};
