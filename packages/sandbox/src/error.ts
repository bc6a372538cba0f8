import { PavedError } from '@paved/errors';

export type SandboxErrorCode = 'CANARY_INVALID' | 'CANARY_REACHED' | 'SANDBOX_BROKEN' | 'SANDBOX_UNAVAILABLE';

/** The sandbox cannot be made here, broke before the command started, or did not hold its canary. */
export class SandboxError extends PavedError<SandboxErrorCode> {}
