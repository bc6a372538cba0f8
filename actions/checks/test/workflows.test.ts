import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseReport } from '@paved/gate';
import { buildSarif } from '../src/sarif.js';
import { pullRequest, type Result, type Scene } from './scene.js';

const WORKFLOW = '.github/workflows/ci.yml';
const SHA = 'd'.repeat(40);
let scene: Scene;
beforeEach(async () => {
  scene = await pullRequest();
});
afterEach(async () => await scene.close());

const workflow = (...steps: readonly string[]) =>
  [
    'on: push',
    'permissions: {}',
    'jobs:',
    '  a:',
    '    runs-on: x',
    '    steps:',
    ...steps.map((s) => `      - ${s}`),
    '',
  ].join('\n');
const shown = (results: readonly Result[]) =>
  results.map(({ ruleId, locations }) => {
    const place = locations?.[0].physicalLocation;
    return `${ruleId} ${place?.artifactLocation.uri}:${place?.region.startLine}`;
  });
async function found(text: string, path = WORKFLOW) {
  await scene.add(path, text);
  return shown(await scene.check());
}

test('what is named by commit, by digest or beside the workflow is pinned', async () => {
  const uses = [
    `actions/checkout@${SHA}`,
    `o/r/.github/workflows/w.yml@${SHA}`,
    `docker://x@sha256:${'e'.repeat(64)}`,
    './a',
    '$/actions/a',
  ];
  expect(await found(workflow(...uses.map((name) => `uses: ${name}`)))).toEqual([]);
});

test.each([
  'actions/checkout@v4',
  `actions/checkout@${'d'.repeat(39)}`,
  `actions/checkout@${'d'.repeat(41)}`,
  'actions/checkout',
  'docker://alpine:3',
  'docker://alpine@sha256:12',
  './../../outside',
  '"a/b@${{ inputs.ref }}"',
  '""',
  '~',
  '&x a/b@main',
])('uses: %s is not', async (name) => {
  expect(await found(workflow(`uses: ./own`, `uses: ${name}`))).toEqual([`unpinned-action ${WORKFLOW}:8`]);
});

test('actions anywhere, called workflows, aliases and images of actions are looked at', async () => {
  await scene.add('deep/er/action.yaml', 'runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n');
  await scene.add('action.yml', 'runs:\n  using: docker\n  image: docker://alpine:3\n');
  await scene.add('.github/workflows/call.yaml', 'permissions: {}\njobs:\n  a:\n    uses: o/r/w.yml@main\n');
  const alias = workflow('name: &tag a/b@v1', 'uses: *tag');
  expect((await found(alias)).map((text) => text.split(':')[0])).toEqual([
    'unpinned-action .github/workflows/call.yaml',
    `unpinned-action ${WORKFLOW}`,
    'unpinned-action action.yml',
    'unpinned-action deep/er/action.yaml',
  ]);
});

describe('expressions in scripts', () => {
  test.each<readonly [string, string | undefined]>([
    ['${{ github.event.pull_request.title }}', 'untrusted-expression'],
    ['${{ GitHub.Head_Ref }}', 'untrusted-expression'],
    ["${{ github['head_ref'] }}", 'untrusted-expression'],
    ["${{ github[format('{0}', 'head_ref')] }}", 'untrusted-expression'],
    ['${{ toJSON(github) }}', 'untrusted-expression'],
    ['${{ github.event.commits.*.message }}', 'untrusted-expression'],
    ['${{ github.sha || github . ref_name }}', 'untrusted-expression'],
    ['${{ inputs.name }}', 'untrusted-expression'],
    ['${{ steps.a.outputs.b }}', 'expression-in-shell'],
    ['${{ secrets.TOKEN }}', 'expression-in-shell'],
    ['${{ github.sha }} ${{ runner.temp }}', undefined],
    ["${{ 'github.head_ref' }}", undefined],
    ['$(github.head_ref)', undefined],
  ])('%s: %s', async (script, rule) => {
    expect(await found(workflow('name: a', `run: echo ${JSON.stringify(script)} | cat`.replaceAll('"', '')))).toEqual(
      rule === undefined ? [] : [`${rule} ${WORKFLOW}:8`],
    );
  });

  test('the line is that of the expression, and the worst one counts', async () => {
    const text = workflow('run: |\n          echo\n          echo ${{ env.A }}\n          echo ${{ github.head_ref }}');
    expect(await found(text)).toEqual([`untrusted-expression ${WORKFLOW}:10`]);
  });
});

test.each<readonly [string, string, readonly string[]]>([
  ['stated by the workflow', 'permissions: {}\njobs:\n  a:\n    steps: []\n', []],
  ['stated by each job', 'jobs:\n  a:\n    permissions: read-all\n', []],
  ['left out by one job', 'jobs:\n  a:\n    permissions: {}\n  b:\n    steps: []\n', ['permissions-missing 4']],
  ['without a value', 'permissions:\njobs: {}\n', ['permissions-missing 1']],
  ['all of them', 'permissions: write-all\njobs: {}\n', ['permissions-all 1']],
])('permissions %s', async (_what, text, expected) => {
  expect(await found(text)).toEqual(expected.map((entry) => entry.replace(' ', ` ${WORKFLOW}:`)));
});

describe('what cannot be read is not clean', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghijk'.split('').map((name, index) => {
      const before = 'abcdefghijk'[index];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');

  test.each<readonly [string, string | Uint8Array]>([
    ['no YAML', 'a: [\n'],
    ['a list', '- a\n'],
    ['nothing', ''],
    ['two keys of one name', 'permissions: {}\npermissions: write-all\n'],
    ['nested without end', `a: ${'['.repeat(100_000)}`],
    ['too large', `#${'x'.repeat(512 * 1024)}`],
    ['no text', Uint8Array.of(0xff, 0xfe, 0x00)],
  ])('%s', async (_what, text) => {
    await scene.add(WORKFLOW, text);
    expect(shown(await scene.check())).toEqual([`workflow-unreadable ${WORKFLOW}:1`]);
  });

  test('a link is not followed', async () => {
    await scene.add('.github/workflows/x', 'permissions: {}\n');
    await symlink('/etc/passwd', join(scene.source, WORKFLOW));
    expect(shown(await scene.check())).toEqual([`workflow-unreadable ${WORKFLOW}:1`]);
  });

  test('a file of aliases stays as small as it is written', async () => {
    expect(await found(`permissions: {}\njobs: { a: { steps: [{ uses: a/b@v1 }] } }\n${bomb}\n`)).toEqual([
      `unpinned-action ${WORKFLOW}:2`,
    ]);
  });
});

test('hostile names stay one URI, and nothing of them reaches the log as a command', async () => {
  const name = '.github/workflows/a?b#c\n::error::x %41.yml';
  await scene.add(name, workflow('uses: a/b@v1'));
  const [result] = await scene.check();
  expect(decodeURIComponent(result?.locations?.[0].physicalLocation.artifactLocation.uri ?? '')).toBe(name);
  expect(scene.test.lines.some((line) => line.startsWith('::error'))).toBe(false);
});

test('the gate reads it as misconfigurations, and as no report that a policy requires', () => {
  const sarif = buildSarif([
    { rule: 'unsigned-commit', detail: 'x', commit: SHA },
    { rule: 'expression-in-shell', detail: 'y', path: 'a.yml', line: 3 },
  ]);
  const { findings, kinds } = parseReport('checks.sarif', Buffer.from(JSON.stringify(sarif)));
  expect(kinds).toEqual([]);
  expect(findings.map(({ kind }) => kind)).toEqual(['misconfiguration', 'misconfiguration']);
  expect(JSON.stringify(findings[0])).toContain('"severity":"critical"');
  expect(JSON.stringify(findings[1])).toContain('"severity":"medium"');
});
