import { join } from 'node:path';
import { readConfig } from '../render/config.js';
import { renderWorkflows } from '../render/workflows.js';
import { type Check, driftedFiles } from './check.js';

/** .github/workflows holds what workflows/ renders to. */
export const workflowsCheck: Check = {
  name: 'workflows',
  cure: 'npm run render',
  async drifted(root) {
    const rendered = await renderWorkflows(join(root, 'workflows'), await readConfig(join(root, 'paved.config.yml')));
    return await driftedFiles(root, new Map(rendered.map(({ name, text }) => [`.github/workflows/${name}`, text])));
  },
};
