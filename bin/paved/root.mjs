import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package, with dist/ and the catalog. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
