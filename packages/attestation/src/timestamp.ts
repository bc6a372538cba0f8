import { type Decoder, JsonError, refine, string } from '@paved/json';

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** RFC 3339 with an offset; a time without one means another moment on each machine. */
export const timestamp: Decoder<string> = refine(string, (text) => {
  if (RFC3339.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new JsonError('JSON_UNEXPECTED', 'Cannot read a timestamp: it is not RFC 3339');
});
