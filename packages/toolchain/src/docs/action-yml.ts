import type { ActionDefinition } from '@paved/runner-kit';
import { stringify } from 'yaml';
import { kindText } from './kind-text.js';

/** action.yml below actions/<name>/: `main` and `post` lead to dist/ at the root, which the runner joins without a check. */
export function actionYml(definition: ActionDefinition): string {
  const { name } = definition;
  const inputs = Object.entries(definition.inputs).map(([key, declared]) => [
    key,
    {
      description: `${declared.description} (${kindText(declared)})`,
      required: declared.required,
      ...(declared.default === undefined ? {} : { default: declared.default }),
    },
  ]);
  const outputs = Object.entries(definition.outputs).map(([key, { description }]) => [key, { description }]);
  const document = {
    name: `paved ${name}`,
    description: definition.purpose,
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    runs: {
      using: 'node24',
      main: `../../dist/${name}/index.js`,
      ...(definition.post ? { post: `../../dist/${name}/post.js`, 'post-if': 'always()' } : {}),
    },
  };
  return `# Generated from src/definition.ts by "npm run docs"; do not edit.\n${stringify(document, { lineWidth: 0 })}`;
}
