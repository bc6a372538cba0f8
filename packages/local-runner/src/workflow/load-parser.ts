export type WorkflowParser = typeof import('@actions/workflow-parser');
export type ActionParser = typeof import('@actions/workflow-parser/actions/action-parser');

export type ActionTemplates = typeof import('@actions/workflow-parser/actions/action-template');

export interface Parsers {
  readonly workflow: WorkflowParser;
  readonly action: ActionParser;
  readonly actionTemplate: ActionTemplates;
}

let loading: Promise<Parsers> | undefined;

/**
 * GitHub's own parser. Its package imports its schemas as JSON without the attribute that Node asks for, so the attribute is added
 * while these modules load, and only for them.
 */
export function loadParsers(): Promise<Parsers> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Parsers> {
  const hooks = addSchemaAttributes();
  try {
    const [workflow, action, actionTemplate] = await Promise.all([
      import('@actions/workflow-parser'),
      import('@actions/workflow-parser/actions/action-parser'),
      import('@actions/workflow-parser/actions/action-template'),
    ]);
    return { workflow, action, actionTemplate };
  } finally {
    hooks?.deregister();
  }
}

function addSchemaAttributes(): { deregister(): void } | undefined {
  // Not imported: a test runner replaces the module by one of its own, which may lack the function.
  const { registerHooks } = process.getBuiltinModule('node:module');
  try {
    return registerHooks({
      load(url, context, next) {
        const isSchema = url.includes('/workflow-parser/') && url.endsWith('.min.json');
        return next(url, isSchema ? { ...context, importAttributes: { type: 'json' } } : context);
      },
    });
  } catch {
    // A module loader that refuses hooks is a test runner's, and that one loads JSON without being told.
    return undefined;
  }
}
