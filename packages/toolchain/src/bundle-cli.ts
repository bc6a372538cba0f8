import { join } from 'node:path';
import { bundleActions } from './bundle/bundle-actions.js';
import { runCommand } from './run-command.js';

await runCommand(async () => {
  const root = process.cwd();
  const actions = process.argv.slice(2);
  await bundleActions({
    root,
    target: join(root, 'dist'),
    ...(actions.length === 0 ? {} : { actions }),
    onBundled: (action, bytes) => process.stdout.write(`dist/${action}/index.js ${bytes} bytes\n`),
  });
});
