/** Actions whose bundle may start a process; every other bundle contains no way to do so (docs/architecture.md). */
export const PROCESS_ACTIONS: readonly string[] = ['hermetic-build'];
