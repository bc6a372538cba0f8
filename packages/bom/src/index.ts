export { buildCycloneDx } from './cyclonedx.js';
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
export { MAX_SBOM_BYTES, parseSbom } from './parse-sbom.js';
export {
  canonicalPurl,
  type Ecosystem,
  type PackageId,
  packageIdOf,
  purlOf,
  purlWithoutVersion,
} from './purl.js';
export type { Sbom, SbomComponent } from './sbom.js';
export { assertSbomSchema, type SbomKind } from './schema.js';
export { buildSpdx } from './spdx.js';
