import type { ActionDefinition } from '@paved/runner-kit';
import { kindText } from './kind-text.js';
import { markdownTable } from './markdown-table.js';

const BEGIN = '<!-- notes: written by hand up to the end marker -->';
const END = '<!-- end of notes -->';

/** README of one action; the part between the markers is taken over from the README that is there. */
export function actionReadme(definition: ActionDefinition, current: string | undefined): string {
  const parts = [
    '<!-- Generated from src/definition.ts by "npm run docs"; only the notes are written by hand. -->',
    `# ${definition.name}`,
    `${definition.purpose}.${definition.internal ? ' Internal: used by the workflows of paved, its inputs may change.' : ''}`,
    BEGIN + notesOf(current) + END,
    '## Use',
    `\`\`\`yaml\n${definition.example.trim()}\n\`\`\``,
    ...declarations(definition),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Tables of inputs, outputs and of what the action may do; the catalog has the same. */
export function declarations(definition: ActionDefinition, level = 2): readonly string[] {
  const heading = (text: string) => `${'#'.repeat(level)} ${text}`;
  const inputs = Object.entries(definition.inputs).map(([name, declared]) => [
    `\`${name}\``,
    kindText(declared),
    declared.required ? 'required' : declared.default ? code(declared.default) : '',
    declared.description,
  ]);
  const outputs = Object.entries(definition.outputs).map(([name, { description }]) => [`\`${name}\``, description]);
  const permissions = Object.entries(definition.permissions).map(([name, access]) => `\`${name}: ${access}\``);
  return [
    heading('Inputs'),
    inputs.length === 0 ? 'None.' : markdownTable(['Input', 'Kind', 'Default', 'Meaning'], inputs),
    heading('Outputs'),
    outputs.length === 0 ? 'None.' : markdownTable(['Output', 'Meaning'], outputs),
    heading('What it may do'),
    markdownTable(
      ['', ''],
      [
        ['Permissions', permissions.join(', ') || 'none'],
        ['Hosts', definition.hosts.join('; ') || 'none'],
        ['Writes', definition.writes.map((path) => `\`${path}\``).join(', ') || 'nothing'],
      ],
    ),
  ];
}

function code(text: string): string {
  return text
    .split('\n')
    .map((line) => `\`${line}\``)
    .join('\n');
}

function notesOf(current: string | undefined): string {
  const begin = current?.indexOf(BEGIN) ?? -1;
  const end = current?.indexOf(END) ?? -1;
  if (current === undefined || begin < 0 || end < begin) return '\n';
  return current.slice(begin + BEGIN.length, end);
}
