import { PavedError } from '@paved/errors';

/** Why the legs do not make one image; nothing is written then. */
export class AssembleError extends PavedError<
  'LEG_MISSING' | 'LEG_UNKNOWN' | 'LEG_LAYOUT_OUTSIDE' | 'LEG_FOREIGN_IMAGE' | 'LEG_PLATFORM_WRONG'
> {}
