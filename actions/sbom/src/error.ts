import { PavedError } from '@paved/errors';

export class SbomActionError extends PavedError<
  | 'SUBJECT_MISSING'
  | 'SUBJECT_MISMATCH'
  | 'SOURCE_MISSING'
  | 'SOURCE_UNREADABLE'
  | 'CREATED_MISSING'
  | 'FETCH_MANIFEST_UNREADABLE'
  | 'MANIFEST_PATH_INVALID'
> {}
