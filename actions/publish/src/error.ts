import { PavedError } from '@paved/errors';

export type PublishErrorCode =
  | 'TAG_INVALID'
  | 'TAG_MISSING'
  | 'RELEASE_EXISTS'
  | 'ASSET_NAME_TAKEN'
  | 'ASSET_CHANGED'
  | 'UPLOAD_HOST_REFUSED';

export class PublishError extends PavedError<PublishErrorCode> {}
