export { type GitHubClaims, type GitHubClaimsOptions, githubClaims } from './issuer/github-claims.js';
export { type Issuer, type SignTokenOptions, startIssuer } from './issuer/start-issuer.js';
export {
  type AccessTokens,
  type Credentials,
  type Fault,
  type LoggedRequest,
  type Loopback,
  type LoopbackOptions,
  type RegistryDouble,
  type RegistryOptions,
  RegistryStore,
  type Reply,
  readBody,
  type StoredManifest,
  StoredRepository,
  startLoopback,
  startRegistry,
} from './registry/index.js';
export {
  type IssuedToken,
  startTokenService,
  type TokenService,
  type TokenServiceOptions,
} from './token-service/token-service.js';
