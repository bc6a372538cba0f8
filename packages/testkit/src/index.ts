export { ArtifactStore, type StoredArtifact } from './github/artifact-store.js';
export type { AttestationStore } from './github/attestations.js';
export type {
  Conclusion,
  GitHubJobOptions,
  GitHubRepository,
  GitHubRequest,
  GitHubRun,
  GitHubRunOptions,
  GitHubStep,
  JobCredentials,
  JobPermissions,
  PermissionLevel,
} from './github/model.js';
export { type ReleaseDouble, type ReleasesDouble, startReleases } from './github/releases.js';
export { goodSettings, type Settings, type SettingsDouble, startSettings } from './github/settings.js';
export { type GitHubService, startGitHub } from './github/start-github.js';
export { type GitHubClaims, type GitHubClaimsOptions, githubClaims } from './issuer/github-claims.js';
export { type Issuer, type SignTokenOptions, startIssuer } from './issuer/start-issuer.js';
export { type KmsDouble, type KmsFaults, type KmsService, startKms } from './kms/start-kms.js';
export {
  type ProxiedRequest,
  type ProxyConduct,
  type ProxyDouble,
  type ProxyOptions,
  startProxy,
} from './proxy/start-proxy.js';
export {
  type AccessTokens,
  type Credentials,
  type Fault,
  type LoggedRequest,
  type Loopback,
  type LoopbackOptions,
  REGISTRY_MODES,
  type RegistryBehaviour,
  type RegistryDouble,
  type RegistryMode,
  type RegistryOptions,
  RegistryStore,
  type Reply,
  readBody,
  type StoredManifest,
  StoredRepository,
  startLoopback,
  startRegistry,
} from './registry/index.js';
export type {
  SigstoreFault,
  SigstoreFaults,
  SigstoreRequest,
  SigstoreServiceName,
} from './sigstore/service.js';
export { type Sigstore, type StartSigstoreOptions, startSigstore } from './sigstore/start-sigstore.js';
export { startTileLog, type TileLogDouble } from './sigstore/tile-log.js';
export {
  type IssuedToken,
  startTokenService,
  type TokenService,
  type TokenServiceOptions,
} from './token-service/token-service.js';
export { startTuf, type TufDouble, type TufPublication, type TufRole } from './tuf/start-tuf.js';
