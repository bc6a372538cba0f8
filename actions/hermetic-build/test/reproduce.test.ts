import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { pack } from 'tar-stream';
import { definition } from '../src/definition.js';
import { compareBuilds } from '../src/reproduce/compare-builds.js';
import { run } from '../src/run.js';
import { writeFiles } from './write-files.js';
import { zipArchive } from './zip-archive.js';

const inSandbox = (await availableMethods()).some(({ available }) => available) ? test : test.skip;

let host: TestContext;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
});
afterEach(async () => await host.dispose());

async function tar(
  entries: readonly {
    readonly name: string;
    readonly text: string | Buffer;
    readonly time?: number;
    readonly mode?: number;
  }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, text, time = 0, mode = 0o644 } of entries)
    archive.entry({ name, mtime: new Date(time * 1000), mode }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An ELF file as far as the note with its build id goes. */
function elf(id: string, rest = ''): Buffer {
  const [note, bytes] = [Buffer.alloc(12), Buffer.from(id, 'hex')];
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(bytes.length, 4);
  note.writeUInt32LE(3, 8);
  const start = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(80)]);
  return Buffer.concat([start, note, Buffer.from('GNU\0'), bytes, Buffer.from(rest)]);
}

function pyc(time: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0x0a0d0da7, 0);
  header.writeUInt32LE(time, 8);
  return Buffer.concat([header, Buffer.from('code')]);
}

function ar({ time = 0, uid = 0, text = 'text' }: { time?: number; uid?: number; text?: string }): Buffer {
  const fields = ['a.o/'.padEnd(16), `${time}`.padEnd(12), `${uid}`.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
  return Buffer.from(`!<arch>\n${fields.join('')}${String(text.length).padEnd(10)}\`\n${text}`);
}

function named(name: string): Buffer {
  const plain = gzipSync('text');
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 0x08;
  return Buffer.concat([header, Buffer.from(`${name}\0`), plain.subarray(10)]);
}

function withTime(bytes: Buffer, time: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(time, 4);
  return changed;
}

async function reasons(
  first: Record<string, Buffer | string>,
  second: Record<string, Buffer | string>,
): Promise<readonly string[]> {
  await writeFiles(join(host.temp, 'a'), first);
  await writeFiles(join(host.temp, 'b'), second);
  return (await compareBuilds(join(host.temp, 'a'), join(host.temp, 'b'))).map(
    ({ path, reason }) => `${path}: ${reason}`,
  );
}

describe('why two builds differ', () => {
  test('nothing for the same bytes', async () => {
    expect(await reasons({ 'x/y': 'same' }, { 'x/y': 'same' })).toEqual([]);
  });

  test('the first byte, with what stands around it', async () => {
    const [line] = await reasons({ app: 'built at 12:00:01 here' }, { app: 'built at 12:00:02 here' });
    expect(line).toBe(
      'app: first different byte at 16: "built at 12:00:01 here" and "built at 12:00:02 here"; it looks like a time: take it from SOURCE_DATE_EPOCH',
    );
  });

  test('a file of one build alone', async () => {
    expect(await reasons({ a: '', only: '' }, { a: '' })).toEqual(['only: only one build left it']);
  });

  test('the time in a gzip header, and in a tar below it', async () => {
    const zipped = gzipSync('text');
    expect((await reasons({ g: withTime(zipped, 1) }, { g: withTime(zipped, 2) }))[0]).toContain(
      'gzip header has the time',
    );
    const [a, b] = [await tar([{ name: 'n', text: 't', time: 1 }]), await tar([{ name: 'n', text: 't', time: 2 }])];
    expect((await reasons({ g: gzipSync(a) }, { g: gzipSync(b) }))[0]).toContain(
      'in gzip: in tar, "n": its time is 1970-01-01T00:00:01.000Z and 1970-01-01T00:00:02.000Z',
    );
  });

  test('mode, order, content and members of archives', async () => {
    const one = { name: 'one', text: '1' };
    const two = { name: 'two', text: '2' };
    const why = async (a: Parameters<typeof tar>[0], b: Parameters<typeof tar>[0]) =>
      (await reasons({ t: await tar(a) }, { t: await tar(b) }))[0];
    expect(await why([one], [{ ...one, mode: 0o755 }])).toContain('its mode or owner is 644');
    expect(await why([one, two], [two, one])).toContain('the order differs from "one" on');
    expect(await why([one], [{ ...one, text: '3' }])).toContain('its content differs');
    expect(await why([one, two], [one])).toContain('only one has "two"');
    const zips = [await zipArchive({ x: '1' }), await zipArchive({ x: '2' })] as const;
    expect((await reasons({ t: zips[0] }, { t: zips[1] }))[0]).toBe(
      't: in zip, "x": its content differs: first different byte at 0: "1" and "2"',
    );
  });

  test.each<[string, Buffer | string, Buffer | string, string]>([
    [
      'a path',
      'x\0/home/runner/one/src/a.c\0',
      'x\0/home/runner/two/src/a.c\0',
      'a path is embedded: "/home/runner/one/src/a.c" and "/home/runner/two',
    ],
    [
      'a random name',
      'id 123e4567-e89b-42d3-a456-426614174000',
      'id 123e4567-e89b-42d3-a456-426614174001',
      'random identifier',
    ],
    ['a time in seconds', 'at=1763700001;', 'at=1763700002;', 'looks like a time'],
    ['a day', 'made on Nov 21', 'made on Nov 22', 'looks like a time'],
    ['lines in another order', 'a\nb\nc\n', 'b\na\nc\n', 'the same lines in another order'],
    ['nothing that is known', 'abc', 'abd', 'first different byte at 2: "abc" and "abd"'],
    ['a build id', elf('0101010101'), elf('0202020202'), 'the build id alone differs'],
    ['a build id among other things', elf('0101010101', 'x'), elf('0202020202', 'y'), 'first different byte'],
    [
      'a build id of Go',
      Buffer.from('ELF\xff Go build ID: "aaa/bbb"', 'latin1'),
      Buffer.from('ELF\xff Go build ID: "aaa/ccc"', 'latin1'),
      'build ids of Go differ',
    ],
    ['the time in compiled Python', pyc(1), pyc(2), 'it has the time of its source'],
    ['the time in a static library', ar({ time: 1 }), ar({ time: 2 }), 'in ar, "a.o/": its time is 1 and 2'],
    [
      'the owner in a static library',
      ar({ uid: 0 }),
      ar({ uid: 1000 }),
      'its mode or owner is 100644 0:0 and 100644 1000:0',
    ],
    [
      'the content of a static library',
      ar({ text: 'one' }),
      ar({ text: 'two' }),
      'its content differs: first different byte at 0',
    ],
    ['the name in a gzip header', named('a'), named('b'), 'the gzip header has the name of a file'],
  ])('%s', async (_name, first, second, reason) => {
    const [line = ''] = await reasons({ f: first }, { f: second });
    expect(line).toContain(reason);
    if (_name.endsWith('other things')) expect(line).not.toContain('alone');
    expect(await reasons({ f: first }, { f: first })).toEqual([]);
  });

  test('the extra fields of a zip', async () => {
    const zip = await zipArchive({ x: '1' });
    const at = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const other = Buffer.from(zip);
    other.writeUInt16LE((zip.readUInt16LE(at + 4) & 0xff00) | 20, at + 4);
    expect((await reasons({ t: zip }, { t: other }))[0]).toContain('its extra fields');
  });

  test('through several archives, down to the place', async () => {
    const inner = async (text: string) => gzipSync(await tar([{ name: 'deep.txt', text }]));
    const outer = async (text: string) => tar([{ name: 'in.tgz', text: await inner(text) }]);
    expect((await reasons({ t: await outer('at 10:00') }, { t: await outer('at 10:01') }))[0]).toContain(
      'in tar, "in.tgz": its content differs: in gzip: in tar, "deep.txt": its content differs: first different byte at 7',
    );
  });

  test('an archive that is cut short is compared byte by byte', async () => {
    const whole = gzipSync('text that is long enough for a header');
    expect((await reasons({ t: whole }, { t: whole.subarray(0, 20) }))[0]).toContain(
      'first different byte at 20, sizes',
    );
  });

  test('text of the build is freed of control characters', async () => {
    const [line = ''] = await reasons({ a: '\u001b[31m::error::x\n1' }, { a: '\u001b[31m::error::x\n2' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(line).not.toMatch(/[\x00-\x1f]/);
  });
});

describe('phase reproduce', () => {
  async function act(command: string) {
    await writeFiles(host.workspace, { 'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n' });
    const given = {
      phase: 'reproduce',
      'source-path': host.workspace,
      lockfile: 'artifacts.lock.yaml',
      command,
      'output-path': 'out',
    };
    return await run(await host.inputs(definition, given), host.context);
  }

  inSandbox('hands on a build that is the same twice', async () => {
    const outputs = await act('mkdir out; pwd > out/where');
    const text = await readFile(join(outputs['build-record-path'] ?? '', 'reproduction.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ identical: true, differences: [] });
  });

  inSandbox('refuses one that is not, and says which file and why', async () => {
    const command = 'mkdir out; echo same > out/same; cat /proc/sys/kernel/random/uuid > out/id';
    await expect(act(command)).rejects.toMatchObject({
      code: 'BUILD_DIFFERS',
      message: expect.stringMatching(/1 files differ; id: first different byte at \d+/),
    });
  });
});

describe('phase compare', () => {
  async function compare(first: Record<string, string>, second: Record<string, string>) {
    await writeFiles(join(host.temp, 'one'), first);
    await writeFiles(join(host.temp, 'two'), second);
    const given = { phase: 'compare', 'first-path': join(host.temp, 'one'), 'second-path': join(host.temp, 'two') };
    return await run(await host.inputs(definition, given), host.context);
  }

  test('takes the outputs of two machines, and needs neither lock file nor sandbox', async () => {
    const outputs = await compare({ 'a/b': 'same' }, { 'a/b': 'same' });
    const text = await readFile(join(outputs['build-record-path'] ?? '', 'reproduction.json'), 'utf8');
    expect(JSON.parse(text)).toEqual({
      mediaType: 'application/vnd.paved.reproduction.v1+json',
      identical: true,
      differences: [],
    });
  });

  test('refuses one byte, and says which file and why', async () => {
    await expect(compare({ 'a/b': 'built at 10:00' }, { 'a/b': 'built at 10:01' })).rejects.toMatchObject({
      code: 'BUILD_DIFFERS',
      message: expect.stringContaining('a/b: first different byte at 13'),
    });
    expect(host.summary()).toContain('Two builds differ');
  });

  test.each([
    ['the second has nothing', { a: '' }, {}],
    ['neither has anything', {}, {}],
  ])('refuses when %s, which is no agreement', async (_name, first, second) => {
    await expect(compare(first, second)).rejects.toMatchObject({ code: 'OUTPUT_MISSING', hint: expect.any(String) });
  });
});
