export { MAX_BUNDLE_BYTES } from './bundle.js';
export { parseSigningCertificate, type SigningCertificate } from './certificate.js';
export { type SigningErrorCode, SigstoreError, type SigstoreErrorCode, type VerificationErrorCode } from './error.js';
export type { CertificateExtensions, ExtensionName } from './extensions.js';
export { assertIdentityPolicy, type IdentityPolicy } from './policy.js';
export { parseTrustedRoot, type TrustedRoot } from './trusted-root.js';
export { type VerifiedBundle, type VerifiedIdentity, type VerifyBundleOptions, verifyBundle } from './verify-bundle.js';
export type { Transparency } from './verify-material.js';
