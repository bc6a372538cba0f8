export { canonicalJson } from './canonical.js';
export {
  array,
  boolean,
  type Decoder,
  integer,
  JsonError,
  literal,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  refine,
  string,
  unknown,
} from './decoder.js';
export { parseJson, readJsonFile } from './parse.js';
