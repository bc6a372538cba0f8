import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defineAction, input, output } from '@paved/runner-kit';
import { parse } from 'yaml';
import { driftedFiles } from '../src/checks/check.js';
import {
  actionReadme,
  actionYml,
  catalogJson,
  catalogMarkdown,
  gitTreeHash,
  releaseFiles,
  selectChecks,
  writeReleaseTree,
} from '../src/index.js';

const run = promisify(execFile);
const definition = defineAction({
  name: 'probe',
  purpose: 'Shows every kind of input',
  inputs: {
    'subject-path': input.paths({ description: 'Files: with | and "quotes"', required: true }),
    mode: input.choice(['a', 'b'], { description: 'What to do', default: 'a' }),
    flag: input.boolean({ description: 'Whether', default: false }),
    events: input.list({ description: 'Events', default: ['push', 'schedule'] }),
    token: input.secret({ description: 'A token' }),
  },
  outputs: { digest: output('Digest') },
  permissions: { 'id-token': 'write' },
  hosts: ['api.example'],
  writes: ['RUNNER_TEMP/paved/probe'],
  example: '- uses: org/paved/probe@v1\n',
  post: true,
});

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-generate-'));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

describe('action.yml', () => {
  test('says what the definition says', () => {
    const text = actionYml(definition);
    expect(text).toMatch(/^# Generated from src\/definition\.ts/);
    expect(parse(text)).toEqual({
      name: 'paved probe',
      description: 'Shows every kind of input',
      inputs: {
        'subject-path': {
          description: 'Files: with | and "quotes" (paths or patterns, one per line)',
          required: true,
        },
        mode: { description: 'What to do (one of a, b)', required: false, default: 'a' },
        flag: { description: 'Whether (true or false)', required: false, default: 'false' },
        events: { description: 'Events (list, one per line)', required: false, default: 'push\nschedule' },
        token: { description: 'A token (secret)', required: false },
      },
      outputs: { digest: { description: 'Digest' } },
      runs: {
        using: 'node24',
        main: '../../dist/probe/index.js',
        post: '../../dist/probe/post.js',
        'post-if': 'always()',
      },
    });
  });
});

describe('README', () => {
  test('keeps the notes that were written by hand, and nothing else', () => {
    const first = actionReadme(definition, undefined);
    expect(actionReadme(definition, first)).toBe(first);
    const edited = first.replace('end marker -->\n', 'end marker -->\n\nBy hand.\n\n').replace('# probe', '# changed');
    const second = actionReadme(definition, edited);
    expect(second).toContain('end marker -->\n\nBy hand.\n\n<!-- end');
    expect(second).toContain('# probe');
    expect(second).toContain('Files: with \\| and');
    expect(second).toContain('`push`<br>`schedule`');
  });
});

test('the catalog has what a security team asks for', () => {
  const bundles = [{ path: 'dist/probe/index.js', sha256: `sha256:${'0'.repeat(64)}` }];
  const internal = defineAction({ ...definition, name: 'inner', internal: true });
  const entries = [
    { definition, bundles },
    { definition: internal, bundles: [] },
  ];
  expect(JSON.parse(catalogJson(entries)).actions[0]).toMatchObject({
    name: 'probe',
    internal: false,
    permissions: { 'id-token': 'write' },
    hosts: ['api.example'],
    writes: ['RUNNER_TEMP/paved/probe'],
    bundles,
    example: '- uses: org/paved/probe@<commit>',
  });
  const markdown = catalogMarkdown(entries);
  expect(markdown).toContain(`| \`dist/probe/index.js\` | \`sha256:${'0'.repeat(64)}\` |`);
  expect(markdown).toContain('[inner](#inner) (internal)');
});

describe('drift', () => {
  test('one changed byte and an absent file are found', async () => {
    await put('same', 'text');
    await put('changed', 'text ');
    const expected = new Map([
      ['same', 'text'],
      ['changed', 'text'],
      ['absent', 'text'],
    ]);
    expect(await driftedFiles(root, expected)).toEqual(['changed', 'absent']);
  });

  test('a flag picks a check', () => {
    expect(selectChecks([]).map(({ name }) => name)).toEqual(['docs', 'dist', 'workflows']);
    expect(selectChecks(['--dist']).map(({ name }) => name)).toEqual(['dist']);
    expect(() => selectChecks(['--all'])).toThrow(expect.objectContaining({ code: 'OPTION_UNKNOWN' }));
  });
});

describe('release tree', () => {
  beforeEach(async () => {
    await put('LICENSE', 'licence');
    await put('action-catalog.md', '# x');
    await put('action-catalog.json', catalogJson([{ definition, bundles: [] }]));
    await put('package.json', '{}');
    await put('src/secret.ts', 'not released');
    await put('.github/workflows/release.yml', 'on: push');
    await put('dist/package.json', '{"type":"module"}');
    await put('dist/probe/index.js', 'index');
    await put('dist/probe/post.js', 'post');
    await put('dist/probe/licenses.txt', 'licences');
    await put('actions/probe/action.yml', actionYml(definition));
    await put('actions/probe/README.md', 'not released');
    await put('actions/draft/notes.txt', 'an action without a manifest');
  });

  test("holds what a job needs, with an alias at the root, and its hash is git's", async () => {
    const files = await releaseFiles(root);
    expect([...files.keys()]).toEqual([
      '.github/workflows/release.yml',
      'LICENSE',
      'action-catalog.json',
      'action-catalog.md',
      'actions/probe/action.yml',
      'dist/package.json',
      'dist/probe/index.js',
      'dist/probe/licenses.txt',
      'dist/probe/post.js',
      'probe/action.yml',
    ]);
    expect(parse(String(files.get('probe/action.yml'))).runs).toMatchObject({
      main: '../dist/probe/index.js',
      post: '../dist/probe/post.js',
    });
    const target = join(root, 'build/release-tree');
    await writeReleaseTree(target, files);
    await run('git', ['init', '-q', '.'], { cwd: target });
    await run('git', ['add', '-A', '-f'], { cwd: target });
    const { stdout } = await run('git', ['write-tree'], { cwd: target });
    expect(gitTreeHash(files)).toBe(stdout.trim());
    // Negative control: one byte more is another tree.
    expect(gitTreeHash(new Map([...files, ['LICENSE', Buffer.from('licence ')]]))).not.toBe(stdout.trim());
  });

  test('the order of git is kept where a name begins another', async () => {
    const files = new Map(['a.b', 'a/x', 'a-b', 'a0', 'ab/c/d'].map((path) => [path, Buffer.from(path)]));
    const target = join(root, 'order');
    await writeReleaseTree(target, files);
    await run('git', ['init', '-q', '.'], { cwd: target });
    await run('git', ['add', '-A'], { cwd: target });
    expect(`${gitTreeHash(files)}\n`).toBe((await run('git', ['write-tree'], { cwd: target })).stdout);
  });

  test.each(['dist/probe/post.js', 'dist/probe/index.js', 'LICENSE', 'action-catalog.json'])(
    'is refused without %s',
    async (path) => {
      await rm(join(root, path));
      await expect(releaseFiles(root)).rejects.toMatchObject({ code: 'RELEASE_INCOMPLETE' });
    },
  );

  test('does not depend on where the checkout lies', async () => {
    const other = await mkdtemp(join(tmpdir(), 'paved-other-'));
    await cp(root, other, { recursive: true });
    expect(gitTreeHash(await releaseFiles(other))).toBe(gitTreeHash(await releaseFiles(root)));
    expect(String((await releaseFiles(other)).get('LICENSE'))).toBe(await readFile(join(root, 'LICENSE'), 'utf8'));
    await rm(other, { recursive: true });
  });
});
