import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { chooseMethod, SANDBOX_METHODS, type SandboxMethod } from '@paved/sandbox';
import { planDockerfile } from '../src/buildkit/open-dockerfile.js';
import { definition } from '../src/definition.js';
import { runCopa } from '../src/patch/copa.js';
import { releasedBase } from '../src/patch/released-base.js';
import { run } from '../src/run.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

let host: TestContext;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
});
afterEach(async () => await host.dispose());

async function inputsOf(text: string, inputs: Readonly<Record<string, string>>) {
  await writeFile(join(host.workspace, 'Dockerfile'), text);
  const common = { 'source-path': host.workspace, dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
  return await host.inputs(definition, { ...common, ...inputs });
}

describe('what is released is based on', () => {
  test.each<readonly [string, string, string | undefined, string | undefined]>([
    ['the only image', `FROM debian:12@${DIGEST}\n`, undefined, DIGEST],
    ['the last one', `FROM a@${OTHER} AS one\nFROM b@${DIGEST}\nCOPY --from=one /a /a\n`, undefined, DIGEST],
    ['the image below a stage', `FROM a@${DIGEST} AS one\nFROM one AS two\nFROM two\n`, undefined, DIGEST],
    ['the target', `FROM a@${DIGEST} AS one\nFROM b@${OTHER}\n`, 'ONE', DIGEST],
    ['a target by number', `FROM a@${DIGEST}\nFROM b@${OTHER}\n`, '0', DIGEST],
    ['an image out of a variable', `ARG BASE=a@${DIGEST}\nFROM \${BASE}\n`, undefined, DIGEST],
    ['the later of two stages of one name', `FROM a@${OTHER} AS x\nFROM b@${DIGEST} AS x\nFROM x\n`, undefined, DIGEST],
    ['nothing', `FROM a@${DIGEST} AS one\nFROM scratch\nCOPY --from=one /a /a\n`, undefined, undefined],
  ])('%s', async (_name, text, target, expected) => {
    const inputs = await inputsOf(text, target === undefined ? {} : { target });
    expect(releasedBase(await planDockerfile(inputs), target)?.name.reference.digest).toBe(expected);
  });

  test.each([
    ['a stage out of a variable', `ARG S=one\nFROM a@${DIGEST} AS one\nFROM \${S}\n`, undefined],
    ['a target that is no stage', `FROM a@${DIGEST}\n`, 'none'],
  ])('%s, which is refused', async (_name, text, target) => {
    const planned = await planDockerfile(await inputsOf(text, target === undefined ? {} : { target }));
    expect(() => releasedBase(planned, target)).toThrow(expect.objectContaining({ code: 'IMAGE_PATCH_REFUSED' }));
  });
});

describe('before anything is fetched, the fetch phase refuses', () => {
  const MIRROR = { 'patch-mirrors': 'mirror.example' };

  test.each<readonly [string, Readonly<Record<string, string>>]>([
    ['no mirror', { patch: 'true' }],
    ['no Dockerfile', { patch: 'true', ...MIRROR, dockerfile: '', lockfile: 'package-lock.json' }],
    ['a mirror that is an address', { patch: 'true', 'patch-mirrors': 'http://mirror.example' }],
    ['the metadata of the machine', { patch: 'true', 'patch-mirrors': '169.254.169.254' }],
  ])('%s', async (_name, changes) => {
    const inputs = await inputsOf(`FROM debian@${DIGEST}\n`, { phase: 'fetch', ...changes });
    await expect(run(inputs, host.context)).rejects.toMatchObject({
      code: 'IMAGE_PATCH_REFUSED',
      hint: expect.any(String),
    });
  });
});

/** A program in the place of copa, run as copa is. */
describe('copa', () => {
  let method: SandboxMethod;
  let folder: string;
  let server: Server;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-pi-'));
    server = createServer((socket) => socket.end('the daemon'));
    await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
    method = await chooseMethod(folder, SANDBOX_METHODS);
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function copa(script: string, timeoutMs = 20_000) {
    const workDir = await host.context.workDir();
    const program = join(workDir, 'copa');
    await writeFile(program, `#!/bin/sh\n${script}`, { mode: 0o500 });
    const said: string[] = [];
    const daemon = {
      address: `unix://${join(folder, 's')}`,
      answers: async () => true,
      lastWords: async () => undefined,
      stop: async () => undefined,
    };
    const onOutput = (chunk: Buffer) => void said.push(chunk.toString());
    const reference = `127.0.0.1:8481/paved/base@${DIGEST}`;
    const archive = await runCopa({ copa: program, daemon, method, workDir, reference, timeoutMs, onOutput });
    return { archive, said: said.join('') };
  }

  test('hands its image over as to a container engine, and knows the image by digest alone', async () => {
    const { archive, said } = await copa('echo "$@"; cat /build/source-policy.json; echo an image | podman load\n');
    expect((await stat(archive ?? '')).size).toBe('an image\n'.length);
    expect(said).toContain(`--image 127.0.0.1:8481/paved/base@${DIGEST} `);
    const policy = JSON.parse(said.slice(said.indexOf('{')));
    expect(policy.rules.map(({ action }: { readonly action: string }) => action)).toEqual(['CONVERT', 'DENY', 'ALLOW']);
    const image = `docker-image://127.0.0.1:8481/paved/base@${DIGEST}`;
    expect(policy.rules[0].updates.identifier).toBe(image);
    expect(policy.rules[2].selector.identifier).toBe(image);
  });

  test('is nobody, has the socket of the daemon, and no network', async () => {
    const { said } = await copa(
      'id -u; ls /sys/class/net 2>/dev/null; cat /proc/net/dev; ls -l /paved/buildkit.sock; echo x | podman load\n',
    );
    expect(said).not.toMatch(/^0$/m);
    expect(said).not.toMatch(/\beth\d|\bens\d/);
    expect(said).toMatch(/^s\S+ /m);
  });

  test('that finds nothing newer leaves no image', async () => {
    const said =
      'podman load </dev/null; echo "Error: failed to solve: no package updates found for image" >&2; exit 1\n';
    expect((await copa(said)).archive).toBeUndefined();
  });

  test.each([
    ['ends with 1', 'echo broken >&2; exit 1\n', /ended with 1: .*broken/],
    ['ends with 1 after it wrote an image', 'echo an image | podman load; exit 1\n', /ended with 1/],
    ['ends with 0 without an image', 'exit 0\n', /ended with 0/],
    [
      'says that nothing is newer, and ends with 0',
      'echo "Error: no package updates found for image"\n',
      /ended with 0/,
    ],
    ['says it in the middle of a line', 'echo "x Error: no package updates found for image"; exit 1\n', /ended with 1/],
    ['leaves a link in the place of the image', 'ln -s /etc/passwd /build/image.tar\n', /ended with 0/],
    ['is killed', 'kill -9 $$\n', /ended with 137/],
  ])('that %s is an error', async (_name, script, message) => {
    await expect(copa(script)).rejects.toMatchObject({
      code: 'IMAGE_PATCH_FAILED',
      message: expect.stringMatching(message),
    });
  });

  test('that does not end is ended', async () => {
    await expect(copa('exec sleep 60\n', 1000)).rejects.toMatchObject({
      code: 'IMAGE_PATCH_FAILED',
      message: expect.stringMatching(/longer than 1 s/),
    });
  });
});
