import { runAction } from '@paved/runner-kit';
import { definition } from './definition.js';
import { run } from './run.js';

await runAction(definition, run);
