export { MAX_BUNDLE_BYTES } from './bundle.js';
export type {
  BundleProgress,
  BundleSigner,
  BundleTransparency,
  LogService,
  SignedBundle,
  WitnessOptions,
} from './bundle-run.js';
export { parseSigningCertificate, type SigningCertificate } from './certificate.js';
export { assertCertificateMatchesClaims, GITHUB_SERVER_URL } from './certificate-claims.js';
export {
  type LogErrorCode,
  type SigningErrorCode,
  SigstoreError,
  type SigstoreErrorCode,
  type TrustUpdateErrorCode,
  type VerificationErrorCode,
} from './error.js';
export type { CertificateExtensions, ExtensionName } from './extensions.js';
export {
  type InstanceName,
  type InstanceServices,
  PUBLIC_GOOD_SIGNING_CONFIG,
  PUBLIC_GOOD_TRUSTED_ROOT,
  resolveInstance,
} from './instance.js';
export type { KeyAlgorithm, RsaPadding } from './key-algorithm.js';
export type { KeyPolicy } from './key-policy.js';
export { type KeySession, type KeySessionOptions, openKeySession } from './key-session.js';
export { type OpenKmsKeyOptions, openKmsKey } from './kms/open-kms-key.js';
export { Limiter } from './limiter.js';
export type { OwnVerification } from './made-bundle.js';
export type { ManagedKey } from './managed-key.js';
export { newThrowAwayKey, type PemKeyOptions, parsePemKey } from './pem-key.js';
export { assertIdentityPolicy, type IdentityPolicy } from './policy.js';
export { RekorV1Witness } from './rekor-v1-witness.js';
export { MIN_REKOR_TIMEOUT_MS, RekorV2Witness } from './rekor-witness.js';
export {
  openSigningSession,
  type SigningProgress,
  type SigningSession,
  type SigningSessionOptions,
} from './session.js';
export { parseSigningConfig, type SigningConfig, selectServices } from './signing-config.js';
export { TimestampWitness } from './timestamp-witness.js';
export { readTokenClaims, type TokenClaims } from './token.js';
export { parseTrustedRoot, type TrustedRoot } from './trusted-root.js';
export {
  type VerifiedBundle,
  type VerifiedIdentity,
  type VerifiedKeyBundle,
  type VerifyBundleOptions,
  type VerifyKeyBundleOptions,
  verifyBundle,
} from './verify-bundle.js';
export type { Transparency } from './verify-material.js';
