import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = execFileSync('git', ['ls-files', '-z', '--', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && !path.startsWith('test/fixtures/') && existsSync(join(ROOT, path)));

interface CatalogAction {
  readonly name: string;
  readonly internal: boolean;
  readonly inputs: readonly { readonly name: string; readonly kind: string }[];
}
const { actions } = JSON.parse(read('action-catalog.json')) as { readonly actions: readonly CatalogAction[] };

/** Names of the inputs of what stands behind `uses:`, by its path below `org/paved/`; only public actions have an alias at the root. */
const inputsOf = new Map<string, readonly string[]>(
  actions.flatMap(({ name, internal, inputs }) => {
    const names = inputs.map((input) => input.name);
    return internal
      ? [[`actions/${name}`, names]]
      : [
          [`actions/${name}`, names],
          [name, names],
        ];
  }),
);
/** Flags of `paved ACTION`, by action: a secret is given in a file. */
const flagsOf = new Map<string, readonly string[]>(
  actions.map(({ name, inputs }) => [
    name,
    ['help', 'json', ...inputs.map((input) => (input.kind === 'secret' ? `${input.name}-file` : input.name))],
  ]),
);
for (const file of readdirSync(join(ROOT, '.github/workflows'))) {
  const { on } = parse(read(`.github/workflows/${file}`));
  if ('workflow_call' in on) inputsOf.set(`.github/workflows/${file}`, Object.keys(on.workflow_call?.inputs ?? {}));
}
const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

function blocksOf(text: string): readonly unknown[] {
  return [...text.matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].map(([, block = '']) => parse(block));
}

/** What of `node` and below names an action or workflow that is not there, or an input that it has not. */
function unknownUses(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.values(node).flatMap(unknownUses);
  if (!('uses' in node) || typeof node.uses !== 'string') return below;
  const [, name] = /^org\/paved\/([^@]+)@/.exec(node.uses) ?? [];
  if (name === undefined) return below;
  const inputs = inputsOf.get(name);
  if (inputs === undefined) return [...below, name];
  const given = 'with' in node ? Object.keys(node.with ?? {}) : [];
  return [...below, ...given.filter((input) => !inputs.includes(input)).map((input) => `${name} ${input}`)];
}

/** What a command line in `text` gives to npm or to paved that they do not know. */
function unknownCommands(text: string): readonly string[] {
  const lines = text.replaceAll('\\\n', ' ');
  const run = [...lines.matchAll(/\bnpm run (?:-s )?([a-z][a-z:]*)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !(name in scripts));
  const flags = [...lines.matchAll(/\bpaved ([a-z-]+) ([^\n`]*)/g)].flatMap(([, action = '', rest = '']) => {
    const known = flagsOf.get(action);
    if (known === undefined) return [];
    return [...rest.matchAll(/(?<=^|\s)--([a-z][a-z-]*)/g)]
      .map(([, flag = '']) => flag)
      .filter((flag) => !known.includes(flag))
      .map((flag) => `${action} --${flag}`);
  });
  return [...run, ...flags];
}

test.each(pages)('the examples of %s name what is there', (page) => {
  const text = read(page);
  expect(blocksOf(text).flatMap(unknownUses)).toEqual([]);
  expect(unknownCommands(text)).toEqual([]);
});

test('there are examples, and what is not there is found', () => {
  expect(pages.flatMap((page) => blocksOf(read(page))).length).toBeGreaterThan(40);
  const text = [
    '```yaml',
    '- uses: org/paved/sing@v1',
    '- uses: org/paved/handoff@v1',
    '- uses: org/paved/sign@v1',
    '  with: { statement: a }',
    '- uses: org/paved/.github/workflows/review.yml@v1',
    '  with: { name: a, tag: b }',
    '```',
  ].join('\n');
  expect(blocksOf(`${text}\n`).flatMap(unknownUses)).toEqual([
    'sing',
    'handoff',
    'sign statement',
    '.github/workflows/review.yml tag',
  ]);
  expect(unknownCommands('npm run bundel\npaved verify --image a \\\n  --trusted-rot b --json\n')).toEqual([
    'bundel',
    'verify --trusted-rot',
  ]);
});
