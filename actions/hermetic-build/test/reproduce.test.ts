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
  entries: readonly { readonly name: string; readonly text: string; readonly time?: number; readonly mode?: number }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, text, time = 0, mode = 0o644 } of entries)
    archive.entry({ name, mtime: new Date(time * 1000), mode }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
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
    expect(line).toBe('app: first different byte at 16: "built at 12:00:01 here" and "built at 12:00:02 here"');
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
    expect((await reasons({ t: zips[0] }, { t: zips[1] }))[0]).toBe('t: in zip, "x": its content differs');
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
