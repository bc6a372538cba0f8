import type { ActionDefinition } from '@paved/runner-kit';
import { stringify } from 'yaml';
import { kindText } from './kind-text.js';

/** What every kind of action says about itself, before `runs`. */
export function actionDocument(definition: ActionDefinition) {
  const inputs = Object.entries(definition.inputs).map(([key, declared]) => [
    key,
    {
      description: `${declared.description} (${kindText(declared)})`,
      required: declared.required,
      ...(declared.default === undefined ? {} : { default: declared.default }),
    },
  ]);
  const outputs = Object.entries(definition.outputs).map(([key, { description }]) => [key, { description }]);
  return {
    name: `paved ${definition.name}`,
    description: definition.purpose,
    inputs: Object.fromEntries(inputs) as Readonly<Record<string, unknown>>,
    outputs: Object.fromEntries(outputs) as Readonly<Record<string, unknown>>,
  };
}

/** action.yml below actions/<name>/: `main` and `post` lead to dist/ at the root, which the runner joins without a check. */
export function actionYml(definition: ActionDefinition): string {
  const { name } = definition;
  const document = {
    ...actionDocument(definition),
    runs: {
      using: 'node24',
      main: `../../dist/${name}/index.js`,
      ...(definition.post ? { post: `../../dist/${name}/post.js`, 'post-if': 'always()' } : {}),
    },
  };
  return `# Generated from src/definition.ts by "npm run docs"; do not edit.\n${stringify(document, { lineWidth: 0 })}`;
}
