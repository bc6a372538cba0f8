export type { Bom, BomComponent, BomHash, BomLockfile, BomOrigin } from './bom.js';
export { bomOfFetchManifest, bomOfLockfiles, type LockfileSource } from './bom-of-packages.js';
export { type CheckedSbom, checkSbom } from './check-sbom.js';
export { buildDependencySnapshot, type SnapshotContext } from './dependency-snapshot.js';
export { BomError, type BomErrorCode } from './error.js';
export {
  FETCH_MANIFEST_MEDIA_TYPE,
  type FetchedPackage,
  type FetchManifest,
  fetchManifest,
  parseFetchManifest,
} from './fetch-manifest.js';
export type { SbomContext, SbomSubject } from './identity.js';
export { type DeclaredLicence, parseDeclaredLicence } from './licence.js';
export { MAIN_REF, mergeBoms } from './merge-boms.js';
export { MAX_SBOM_BYTES, parseSbom } from './parse-sbom.js';
export {
  canonicalPurl,
  type Ecosystem,
  type PackageId,
  packageIdOf,
  purlOf,
  purlWithoutVersion,
} from './purl.js';
export { MAX_SOURCE_BYTES, readBom } from './read-bom.js';
export type { Sbom, SbomComponent } from './sbom.js';
export { assertSbomSchema, CYCLONEDX_VERSIONS, type CycloneDxVersion, type SbomKind } from './schema.js';
export {
  assertGrade,
  type ElementScore,
  GRADES,
  type Grade,
  type SbomScore,
  type ScoreProfile,
  scoreBom,
} from './score.js';
export { type Trimmed, trimToFit } from './trim-bom.js';
export { writeCycloneDx } from './write-cyclonedx.js';
export { writeSpdx } from './write-spdx.js';
