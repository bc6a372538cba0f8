import { isMainThread } from 'node:worker_threads';
import { runAction } from '@paved/runner-kit';
import { definition } from './definition.js';
import { run } from './run.js';

// The bundle is one file: as a thread of itself it evaluates one rule module and nothing else.
if (isMainThread) await runAction(definition, (inputs, context) => run(inputs, context, process.argv[1]));
else await import('./rego/rules-worker.js');
