import { generateDocs } from '../docs/generate-docs.js';
import { type Check, driftedFiles } from './check.js';

/** action.yml, READMEs and catalog are what the definitions and bundles say. */
export const docsCheck: Check = {
  name: 'docs',
  cure: 'npm run docs',
  drifted: async (root) => driftedFiles(root, await generateDocs(root)),
};
