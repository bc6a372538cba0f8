/** Actions whose bundle may start a process; every other bundle contains no way to do so (docs/architecture.md). */
export const PROCESS_ACTIONS: readonly string[] = ['hermetic-build', 'scan'];

/** Actions whose libraries use undici's fetch; the rest would carry 100 kB of it for a proxy class that nobody calls. */
export const FETCH_ACTIONS: readonly string[] = ['evidence-upload', 'handoff', 'report', 'rescan', 'scan', 'watch'];
