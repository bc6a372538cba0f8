import { PavedError } from '@paved/errors';

export class DoctorError extends PavedError<'REPOSITORY_INVALID' | 'REPOSITORY_UNREADABLE'> {}
