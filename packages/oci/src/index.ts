export { type BlobSource, bytesSource, readBlob, VerifiedBlobStream } from './blob-source.js';
export type { BlobOutcome, UploadOptions } from './blob-upload.js';
export { type BuildIndexOptions, buildIndex } from './build-index.js';
export {
  type ArtifactFile,
  type ArtifactLayoutOptions,
  type BuiltLayout,
  buildArtifactLayout,
} from './build-layout.js';
export { buildArtifactManifest, describeBytes, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from './build-manifest.js';
export { type BundleReferrerOptions, buildBundleReferrer, type Referrer } from './bundle-referrer.js';
export { type ByteBudget, DEFAULT_BUDGET } from './byte-budget.js';
export type { Content } from './content.js';
export { type Descriptor, descriptorDecoder } from './descriptor.js';
export { OciError, type OciErrorCode } from './error.js';
export { addToFallbackIndex, fallbackTag } from './fallback-index.js';
export { type OciLayout, type OpenLayoutOptions, openLayout } from './layout.js';
export { listTags } from './list-tags.js';
export {
  type ImageIndex,
  type ImageManifest,
  MAX_MANIFEST_BYTES,
  type Manifest,
  manifestDescriptor,
  parseManifest,
} from './manifest.js';
export { DOCKER_LIST, DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE } from './media-type.js';
export { isRunnable, type Platform, platformText, readPlatform } from './platform.js';
export { type PullBundlesOptions, type PulledBundle, type PulledBundles, pullBundles } from './pull-bundles.js';
export { type PulledImage, pullImage } from './pull-image.js';
export { type BlobProgress, type PushBlobsOptions, pushBlobs } from './push-blobs.js';
export {
  assertRemoteContent,
  assertRemoteManifest,
  attachReferrers,
  type PushContentOptions,
  type PushedContent,
  pushContent,
} from './push-content.js';
export {
  assertTagsAllowed,
  type PlannedTag,
  type PushedTag,
  type PushTagsOptions,
  pushTagPlan,
  pushTags,
} from './push-tags.js';
export { readLimited } from './read-limited.js';
export { buildPushReceipt, PUSH_RECEIPT_MEDIA_TYPE, type PushReceipt } from './receipt.js';
export {
  parseReference,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  type Reference,
  type RegistryHost,
  type RepositoryName,
  referenceText,
  type Tag,
} from './reference.js';
export { ensureListed, listReferrers } from './referrers.js';
export { RegistryClient, type RegistryClientOptions } from './registry-client.js';
export { parseRegistryCredentials, type RegistryCredentials, readRegistryCredentials } from './registry-config.js';
export { describeRegistry, type RegistryKnowledge, RegistryPath, registryPath } from './registry-path.js';
export type { ChunkLimits, Quirk, QuirkTopic, RegistryName, RegistryProfile } from './registry-profile.js';
export { profileOf, REGISTRY_PROFILES } from './registry-profiles.js';
export { type FetchedManifest, RepositoryClient } from './repository-client.js';
export type { SpoolOptions } from './spool-archive.js';
export type { TarLimits } from './tar-store.js';
export { parseTokenHosts, type TokenHosts } from './token-hosts.js';
export { writeLayout } from './write-layout.js';
