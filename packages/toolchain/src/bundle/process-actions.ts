/** Actions whose bundle may start a process; every other bundle contains no way to do so (docs/architecture.md). */
export const PROCESS_ACTIONS: readonly string[] = ['hermetic-build', 'scan'];

/**
 * Actions whose libraries use undici's fetch: @actions/attest calls the API with it. The rest would carry 100 kB for a proxy class that
 * nobody calls; the API client of runner-kit brings a fetch of its own.
 */
export const FETCH_ACTIONS: readonly string[] = ['evidence-upload'];
