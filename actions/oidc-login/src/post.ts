import { runPost } from '@paved/runner-kit';
import { cleanUp } from './clean-up.js';
import { definition } from './definition.js';

await runPost(definition, cleanUp);
