import { PavedError } from '@paved/errors';

/** `STORE_CORRUPT`: a file of the store is not what its manifest says; an answer from the rest would hide it. `SBOM_MISSING`: so would an artifact that nobody listed. */
export class QueryError extends PavedError<
  'INPUT_INVALID' | 'STORE_EMPTY' | 'STORE_CORRUPT' | 'STORE_UNREADABLE' | 'SBOM_MISSING'
> {}
