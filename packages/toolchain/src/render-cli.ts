import { readConfig } from './render/config.js';
import { renderWorkflows, writeWorkflows } from './render/workflows.js';

const workflows = await renderWorkflows('workflows', await readConfig('paved.config.yml'));
await writeWorkflows('.github/workflows', workflows);
for (const { name } of workflows) process.stdout.write(`.github/workflows/${name}\n`);
