import { join } from 'node:path';
import { readConfig } from '../render/config.js';
import { staleWorkflows } from '../render/stale-workflows.js';
import { renderWorkflows } from '../render/workflows.js';
import { type Check, driftedFiles } from './check.js';

const FOLDER = '.github/workflows';

/** .github/workflows holds what workflows/ renders to, and nothing that was rendered once. */
export const workflowsCheck: Check = {
  name: 'workflows',
  cure: 'npm run render',
  async drifted(root) {
    const rendered = await renderWorkflows(join(root, 'workflows'), await readConfig(join(root, 'paved.config.yml')));
    const drifted = await driftedFiles(root, new Map(rendered.map(({ name, text }) => [`${FOLDER}/${name}`, text])));
    const stale = await staleWorkflows(join(root, FOLDER), rendered);
    return [...drifted, ...stale.map((name) => `${FOLDER}/${name}`)];
  },
};
