export { BomError, type BomErrorCode } from './error.js';
export {
  FETCH_MANIFEST_MEDIA_TYPE,
  type FetchedPackage,
  type FetchManifest,
  fetchManifest,
  parseFetchManifest,
} from './fetch-manifest.js';
export { type Ecosystem, type PackageId, packageIdOf, parsePurl, purlOf, purlWithoutVersion } from './purl.js';
