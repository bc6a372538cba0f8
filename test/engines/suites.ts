import { actSuite } from './act/act-suite.js';
import { actionlintSuite } from './act/actionlint-suite.js';
import { buildkitSuite } from './buildkit/buildkit-suite.js';
import { patchSuite } from './buildkit/patch-suite.js';
import { buildkitRoadSuite } from './buildkit/road.js';
import { registriesSuite } from './registries/registries-suite.js';
import { roadSuite } from './road/road-suite.js';
import { checksSuite } from './scanners/checks-suite.js';
import { osvAgreementSuite } from './scanners/osv-agreement-suite.js';
import { scannersSuite } from './scanners/scanners-suite.js';
import { versionSuite } from './scanners/version-suite.js';
import { regoSuite } from './scanners-rego/rego-suite.js';
import { keysSuite } from './sigstore/keys-suite.js';
import { legacySuite } from './sigstore/legacy-suite.js';
import { sigstoreSuite } from './sigstore/sigstore-suite.js';
import { watchSuite } from './sigstore/watch-suite.js';
import type { EngineSuite } from './suite.js';
import { zizmorSuite } from './zizmor/zizmor-suite.js';

export const SUITES: Readonly<Record<string, readonly EngineSuite[]>> = {
  act: [actionlintSuite, actSuite],
  buildkit: [buildkitSuite, patchSuite, buildkitRoadSuite],
  registries: [registriesSuite],
  scanners: [scannersSuite, checksSuite, osvAgreementSuite, versionSuite, regoSuite],
  sigstore: [sigstoreSuite, keysSuite, legacySuite, watchSuite, roadSuite, zizmorSuite],
};
