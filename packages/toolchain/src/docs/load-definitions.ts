import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ActionDefinition, isActionDefinition } from '@paved/runner-kit';
import { ToolchainError } from '../error.js';
import { actionNames, isFile } from '../paths.js';

/**
 * Imports the compiled definitions of all actions, sorted by name.
 * @throws {ToolchainError} `DEFINITION_INVALID` when one is missing, not made by `defineAction`, named otherwise than its folder, or wrong about its post.ts
 */
export async function loadDefinitions(root: string): Promise<readonly ActionDefinition[]> {
  const names = await actionNames(root, 'definition.ts');
  return await Promise.all(names.map((name) => loadDefinition(root, name)));
}

async function loadDefinition(root: string, name: string): Promise<ActionDefinition> {
  const refuse = (state: string, cause?: unknown) =>
    new ToolchainError('DEFINITION_INVALID', `Cannot read the definition of action "${name}": ${state}`, {
      cause,
      hint: 'Run "npm run build", then look at its src/definition.ts',
    });
  const path = join(root, 'build/actions', name, 'src/definition.js');
  const module: unknown = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    throw refuse('the compiled module does not load', cause);
  });
  const definition =
    typeof module === 'object' && module !== null && 'definition' in module ? module.definition : undefined;
  if (!isActionDefinition(definition)) throw refuse('it exports no "definition" of defineAction');
  if (definition.name !== name) throw refuse(`it is named "${definition.name}"`);
  const hasPost = await isFile(join(root, 'actions', name, 'src/post.ts'));
  if (hasPost !== (definition.post ?? false)) throw refuse('"post" does not say whether src/post.ts exists');
  return definition;
}
