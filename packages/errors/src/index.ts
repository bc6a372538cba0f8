export { cureOf, describeCauses, describeError, errorChain } from './describe.js';
export { InternalError, PavedError, type PavedErrorOptions } from './paved-error.js';
