import { PavedError } from '@paved/errors';

export class ChecksError extends PavedError<
  'EVENT_UNSUPPORTED' | 'EVENT_UNREADABLE' | 'COMMITS_INCOMPLETE' | 'TREE_TOO_LARGE'
> {}
