import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ActionDefinition, defineAction, type InputsOf, input, output } from '../src/index.js';
import { type TestContext, testContext } from '../src/testing.js';

const definition = defineAction({
  name: 'probe',
  purpose: 'Shows every kind of input',
  inputs: {
    text: input.string({ description: 'x' }),
    count: input.integer({ description: 'x', min: 0, max: 10, default: 3 }),
    flag: input.boolean({ description: 'x', default: false }),
    list: input.list({ description: 'x' }),
    path: input.path({ description: 'x' }),
    paths: input.paths({ description: 'x' }),
    digest: input.digest({ description: 'x' }),
    url: input.url({ description: 'x' }),
    mode: input.choice(['send', 'receive'], { description: 'x', default: 'send' }),
    token: input.secret({ description: 'x' }),
    document: input.document({ description: 'x' }),
    age: input.duration({ description: 'x', default: '24h' }),
  },
  outputs: { result: output('x') },
  permissions: {},
  hosts: [],
  writes: [],
  example: '',
});

let t: TestContext;
beforeAll(async () => {
  t = await testContext();
  await mkdir(join(t.workspace, 'out/deep'), { recursive: true });
  await mkdir(join(t.workspace, '.git'));
  await writeFile(join(t.workspace, 'out/a.bin'), 'a');
  await writeFile(join(t.workspace, 'out/deep/b.bin'), 'b');
  await writeFile(join(t.workspace, 'out/.hidden.bin'), 'h');
  await writeFile(join(t.workspace, '.git/config'), 'c');
  await writeFile(join(t.temp, 'doc.yml'), 'a: 1\n');
  await symlink('/etc', join(t.workspace, 'etc'));
  await symlink('/nowhere/at-all', join(t.workspace, 'dangling'));
  await symlink('loop', join(t.workspace, 'loop'));
  await symlink(join(t.temp, 'doc.yml'), join(t.workspace, 'to-temp'));
  await mkdir(join(t.workspace, 'evil'));
  await symlink('/etc/passwd', join(t.workspace, 'evil/x.bin'));
});
afterAll(() => t.dispose());

async function read<K extends keyof InputsOf<typeof definition>>(name: K, text: string) {
  return (await t.inputs(definition, { [name]: text }))[name];
}

test('an empty input is its default, or undefined', async () => {
  const inputs = await t.inputs(definition, { text: '   ' });
  expect(inputs.text).toBeUndefined();
  expect(inputs.list).toBeUndefined();
  expect(inputs).toMatchObject({ count: 3, flag: false, mode: 'send', age: 86_400_000 });
  // The types say the same.
  const count: number = inputs.count;
  const mode: 'send' | 'receive' = inputs.mode;
  expect([count, mode]).toEqual([3, 'send']);
});

describe('values', () => {
  test.each([
    ['flag', 'true', true],
    ['count', '10', 10],
    ['list', 'a\r\n# no\n\n  b ', ['a', 'b']],
    ['mode', 'receive', 'receive'],
    ['age', '90s', 90_000],
    ['age', '7d', 604_800_000],
    ['digest', `sha256:${'0'.repeat(64)}`, `sha256:${'0'.repeat(64)}`],
    ['document', '{"a":1}', '{"a":1}'],
    ['text', 'a\nb', 'a\nb'],
  ] as const)('%s %j', async (name, text, value) => {
    expect(await read(name, text)).toEqual(value);
  });

  test.each(['https://example.com/x', 'http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:1/'])(
    'url %s',
    async (text) => {
      expect(await read('url', text)).toEqual(new URL(text));
    },
  );

  test('paths are real and absolute', async () => {
    expect(await read('path', 'out/../out/new/file')).toBe(join(t.workspace, 'out/new/file'));
    expect(await read('path', join(t.temp, 'x'))).toBe(join(t.temp, 'x'));
    expect(await read('path', 'to-temp')).toBe(join(t.temp, 'doc.yml'));
    expect(await read('path', '..hidden')).toBe(join(t.workspace, '..hidden'));
    expect(await read('document', join(t.temp, 'doc.yml'))).toBe('a: 1\n');
  });

  test.each([
    ['out/*.bin', ['out/a.bin']],
    ['out/**', ['out/a.bin', 'out/deep/b.bin']],
    ['**/*.bin\n!none', undefined],
    ['out/**/b*.bin', ['out/deep/b.bin']],
    ['out/**/a.bin\nout/a.bin', ['out/a.bin']],
    ['out/.*.bin', ['out/.hidden.bin']],
    ['o*t/d*p/b*b*n', ['out/deep/b.bin']],
  ])('pattern %j', async (text, expected) => {
    if (expected === undefined) await expect(read('paths', text)).rejects.toMatchObject({ code: 'INPUT_PATH_OUTSIDE' });
    else expect(await read('paths', text)).toEqual(expected.map((path) => join(t.workspace, path)));
  });
});

describe('refusals', () => {
  test.each([
    ['flag', 'True', 'INPUT_INVALID'],
    ['flag', 'yes', 'INPUT_INVALID'],
    ['flag', '1', 'INPUT_INVALID'],
    ['flag', 'true\nfalse', 'INPUT_INVALID'],
    ['count', '11', 'INPUT_INVALID'],
    ['count', '-1', 'INPUT_INVALID'],
    ['count', '1e1', 'INPUT_INVALID'],
    ['count', '0x1', 'INPUT_INVALID'],
    ['count', '1.0', 'INPUT_INVALID'],
    ['count', '٣', 'INPUT_INVALID'],
    ['mode', 'Send', 'INPUT_INVALID'],
    ['mode', 'constructor', 'INPUT_INVALID'],
    ['age', '24', 'INPUT_INVALID'],
    ['age', '-1h', 'INPUT_INVALID'],
    ['age', '1.5h', 'INPUT_INVALID'],
    ['age', '1h30m', 'INPUT_INVALID'],
    ['digest', `sha256:${'0'.repeat(63)}`, 'INPUT_INVALID'],
    ['digest', `sha256:${'A'.repeat(64)}`, 'INPUT_INVALID'],
    ['digest', `sha1:${'0'.repeat(40)}`, 'INPUT_INVALID'],
    ['url', 'http://example.com', 'INPUT_INVALID'],
    ['url', 'http://127.0.0.1.example.com', 'INPUT_INVALID'],
    ['url', 'http://localhost.example.com', 'INPUT_INVALID'],
    ['url', 'ftp://localhost', 'INPUT_INVALID'],
    ['url', 'file:///etc/passwd', 'INPUT_INVALID'],
    ['url', 'https://user:pw@example.com', 'INPUT_INVALID'],
    ['url', 'example.com', 'INPUT_INVALID'],
    ['text', 'a\u001b[31m', 'INPUT_INVALID'],
    ['path', '../outside', 'INPUT_PATH_OUTSIDE'],
    ['path', 'out/../../outside', 'INPUT_PATH_OUTSIDE'],
    ['path', '/etc/passwd', 'INPUT_PATH_OUTSIDE'],
    ['path', '/', 'INPUT_PATH_OUTSIDE'],
    ['path', 'etc', 'INPUT_PATH_OUTSIDE'],
    ['path', 'etc/passwd', 'INPUT_PATH_OUTSIDE'],
    ['path', 'etc/not/there', 'INPUT_PATH_OUTSIDE'],
    ['path', 'dangling', 'INPUT_PATH_OUTSIDE'],
    ['path', 'dangling/file', 'INPUT_PATH_OUTSIDE'],
    ['path', 'loop/x', 'INPUT_PATH_OUTSIDE'],
    ['path', 'a\nb', 'INPUT_INVALID'],
    ['path', 'x'.repeat(5000), 'INPUT_PATH_OUTSIDE'],
    ['paths', 'out/*.none', 'INPUT_PATH_UNMATCHED'],
    ['paths', 'out/a.bin\n../x', 'INPUT_PATH_OUTSIDE'],
    ['paths', '/etc/*', 'INPUT_PATH_OUTSIDE'],
    ['paths', '../*', 'INPUT_PATH_OUTSIDE'],
    ['paths', 'out/*/../../../*', 'INPUT_INVALID'],
    ['paths', 'etc/*', 'INPUT_PATH_OUTSIDE'],
    ['paths', 'evil/*.bin', 'INPUT_PATH_OUTSIDE'],
    ['document', 'out/none.yml', 'INPUT_DOCUMENT_UNREADABLE'],
    ['document', 'out', 'INPUT_DOCUMENT_UNREADABLE'],
    ['document', '/etc/passwd', 'INPUT_PATH_OUTSIDE'],
  ] as const)('%s %j is %s', async (name, text, code) => {
    await expect(read(name, text)).rejects.toMatchObject({ code });
  });

  test('a required input that is empty', async () => {
    const strict = defineAction({
      ...definition,
      inputs: { name: input.string({ description: 'x', required: true }) },
    });
    await expect(t.inputs(strict, { name: ' ' })).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      hint: 'Add "name:" under "with:" of the step',
    });
    const inputs: { readonly name: string } = await t.inputs(strict, { name: 'x' });
    expect(inputs.name).toBe('x');
  });

  test('a secret is masked before another input fails, and credentials of a URL are not quoted', async () => {
    await expect(t.inputs(definition, { token: 'hunter-two', flag: 'no' })).rejects.toThrow();
    expect(t.masked).toContain('hunter-two');
    const error = await read('url', 'https://me:hunter-two@example.com').catch((cause: unknown) => cause);
    expect(String(error)).not.toContain('hunter');
  });
});

describe('declarations that break the rules', () => {
  test.each<[string, Partial<ActionDefinition>]>([
    ['name', { name: 'Probe' }],
    ['purpose with a full stop', { purpose: 'Does things.' }],
    ['purpose of two lines', { purpose: 'Does\nthings' }],
    ['input name', { inputs: { subjectPath: input.string({ description: 'x' }) } }],
    ['no description', { inputs: { text: input.string({ description: ' ' }) } }],
    ['required with a default', { inputs: { text: input.string({ description: 'x', required: true, default: 'y' }) } }],
  ])('%s', (_name, change) => {
    expect(() => defineAction({ ...definition, ...change })).toThrow('Cannot define action');
  });
});
