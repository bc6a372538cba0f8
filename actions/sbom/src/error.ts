import { PavedError } from '@paved/errors';

export class SbomActionError extends PavedError<'SUBJECT_MISSING' | 'FETCH_MANIFEST_UNREADABLE'> {}
