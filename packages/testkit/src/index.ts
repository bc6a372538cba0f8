export { type GitHubClaims, type GitHubClaimsOptions, githubClaims } from './issuer/github-claims.js';
export { type Issuer, type SignTokenOptions, startIssuer } from './issuer/start-issuer.js';
