export {
  BUILD_RECORD_MEDIA_TYPE,
  type BuildOutput,
  type BuildRecord,
  parseBuildRecord,
  relativePath,
  sha256Field,
} from './build-record.js';
export { GITHUB_WORKFLOW_BUILD_TYPE, RELEASE_ARTIFACT_BUILD_TYPE } from './build-types.js';
export { BUNDLES_MEDIA_TYPE, type BundleIndex, type IndexedBundle, parseBundleIndex } from './bundle-index.js';
export { parseChecksums, withSubjects } from './checksums.js';
export { assertDigestSet, type DigestSet, digestSet, digestSetHas, digestSetOf } from './digest-set.js';
export { type Envelope, type EnvelopeSignature, pae, parseEnvelope } from './dsse.js';
export { AttestationError, type AttestationErrorCode } from './error.js';
export {
  IMAGE_PATCHES_MEDIA_TYPE,
  type ImagePatch,
  type ImagePatches,
  type MirrorDownload,
  type PackageChange,
  parseImagePatches,
} from './image-patches.js';
export {
  ISOLATION_MEDIA_TYPE,
  type IsolationCheck,
  type IsolationMethod,
  type IsolationReport,
  isolationReport,
  parseIsolationReport,
} from './isolation-report.js';
export { isEnvelopeLike, isStatementLike } from './planted.js';
export {
  assertPredicateSlot,
  isPredicateSlot,
  PREDICATE_SLOTS,
  PREDICATE_TYPES,
  type PredicateSlot,
  type PredicateType,
  slotOfPredicateType,
} from './predicate-types.js';
export {
  type BuildDefinition,
  type BuildMetadata,
  buildProvenance,
  type ProvenancePredicate,
  parseProvenance,
  provenancePredicate,
  type RunDetails,
  readPredicate,
} from './provenance.js';
export { isRehearsal, REHEARSAL_SUFFIX } from './rehearsal.js';
export { type ResourceDescriptor, resourceDescriptor } from './resource.js';
export {
  buildStatement,
  encodeStatement,
  MAX_STATEMENT_BYTES,
  MAX_SUBJECTS,
  parseSignedStatement,
  parseStatement,
  STATEMENT_PAYLOAD_TYPE,
  STATEMENT_TYPE,
  STATEMENT_TYPE_V01,
  type Statement,
  type Subject,
  splitSubjects,
} from './statement.js';
export { timestamp } from './timestamp.js';
export {
  parseTrust,
  releasedCommits,
  TRUST_MEDIA_TYPE,
  type TrustDocument,
  type TrustedCommit,
  type TrustedIdentity,
} from './trust.js';
export { buildVsa, parseVsa, SLSA_VERSION, type VsaPredicate, vsaPredicate } from './vsa.js';
