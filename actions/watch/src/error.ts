import { PavedError } from '@paved/errors';

/** `STATE_MISSING`: entries since the last run would be skipped in silence, so somebody has to say where to start. */
export class WatchError extends PavedError<
  'STATE_MISSING' | 'STATE_MALFORMED' | 'NOTHING_TO_FOLLOW' | 'TRUST_UNREADABLE'
> {}
