/** Actions whose bundle may start a process; every other bundle contains no way to do so (docs/architecture.md). */
export const PROCESS_ACTIONS: readonly string[] = ['hermetic-build', 'scan'];

/**
 * Actions whose libraries use undici's fetch: @actions/attest calls the API with it. The rest would carry 100 kB for a proxy class that
 * nobody calls; the API client of runner-kit brings a fetch of its own.
 */
export const FETCH_ACTIONS: readonly string[] = ['evidence-upload'];

/** Actions that ask for an OIDC token. */
export const TOKEN_ACTIONS: readonly string[] = ['oidc-login', 'provenance', 'sign'];

/**
 * Actions whose bundle has @actions/http-client: those that ask for a token, and those whose libraries call GitHub's services with it.
 * The other bundles contain no way to ask for a token, whatever the permissions of their job.
 */
export const CLIENT_ACTIONS: readonly string[] = [
  ...TOKEN_ACTIONS,
  ...['evidence-upload', 'handoff', 'report', 'rescan', 'scan', 'watch'],
];
