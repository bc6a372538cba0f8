import { LISTS } from './inputs.mjs';

export function overview(catalog) {
  const width = Math.max(...catalog.actions.map(({ name }) => name.length));
  const listed = (isInternal) =>
    catalog.actions
      .filter(({ internal }) => internal === isInternal)
      .map(({ name, purpose }) => `  ${name.padEnd(width)}  ${purpose}`)
      .join('\n');
  return `Usage: paved ACTION --INPUT VALUE ... [--json]
       paved ACTION --help

Runs one action on this machine. --json prints one JSON document; the exit status is the action's, or 1 for wrong usage.

Actions:
${listed(false)}

Parts of the workflows, which may change with them:
${listed(true)}
`;
}

export function actionHelp(action) {
  const inputs = action.inputs.flatMap((input) => {
    const facts = [
      kindOf(input),
      ...(input.required ? ['required'] : []),
      ...(input.default ? [`default ${oneLine(input.default)}`] : []),
    ];
    const flag =
      input.kind === 'secret'
        ? `--${input.name}-file PATH`
        : `--${input.name} VALUE${LISTS.has(input.kind) ? '...' : ''}`;
    return [`  ${flag}`, `      ${input.description} (${facts.join('; ')})`];
  });
  const outputs = action.outputs.map(({ name, description }) => `  ${name}\n      ${description}`);
  return `${action.name}: ${action.purpose}

Inputs (a secret is also read from PAVED_INPUT_<NAME>):
${inputs.join('\n') || '  none'}

Outputs:
${outputs.join('\n') || '  none'}
`;
}

function kindOf({ kind, choices }) {
  return kind === 'choice' ? choices.join(' | ') : kind;
}

function oneLine(text) {
  return text.split('\n').join(', ');
}
