import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@paved/digest';
import { type Loopback, startLoopback } from '@paved/testkit';
import { runProgram } from '../program.js';
import { type EngineTest, expectThat } from '../suite.js';
import type { BuildKitContext, Built } from './context.js';

type Test = EngineTest<BuildKitContext>;

interface Refusal {
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
}

async function refusalOf(work: Promise<Built>): Promise<Refusal> {
  const outcome = await work.then(
    () => undefined,
    (error: Refusal) => error,
  );
  if (outcome === undefined) throw new Error('expected: it is refused');
  return outcome;
}

/** A server of the host that counts who asks it. */
async function startCounter(): Promise<{ readonly server: Loopback; readonly asked: () => number }> {
  let asked = 0;
  const server = await startLoopback({
    handle: async () => {
      asked++;
      return { status: 200, body: 'reached' };
    },
  });
  return { server, asked: () => asked };
}

const network: Test = {
  name: 'a RUN step reaches nothing: no listener of the host, no name, no interface but loopback',
  async run({ act, base }) {
    const { server, asked } = await startCounter();
    try {
      const reached = await (await fetch(server.url)).text();
      expectThat('the control outside reaches the listener', reached === 'reached' && asked() === 1);
      const { hostname, port } = new URL(server.url);
      const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc ${hostname} ${port}`;
      const control = await runProgram('/bin/busybox', ['sh', '-c', ask]);
      expectThat(
        'the same program outside reaches it',
        control.stdout.includes('200') && asked() === 2,
        control.stderr,
      );
      const stopped = await refusalOf(act({ Dockerfile: `FROM ${base}\nRUN ${ask}\n` }, {}));
      expectThat('the build fails', stopped.code === 'BUILD_FAILED', stopped.message);
      expectThat('because nobody is there', /can't connect to remote host/.test(stopped.message), stopped.message);
      expectThat('the cure says that there is no network', stopped.hint?.includes('no network') === true, stopped.hint);
      expectThat('nobody asked the listener', asked() === 2);
      const looks = 'RUN ! nslookup example.com && cat /proc/net/dev > /net && ls /sys/class/net > /interfaces';
      const seen = await act({ Dockerfile: `FROM ${base} AS a\n${looks}\nRUN [ "$(cat /interfaces)" = lo ]\n` }, {});
      expectThat('the step saw loopback alone', seen.outputs['artifact-path'] !== undefined);
    } finally {
      await server.close();
    }
  },
};

const smuggled: Test = {
  name: 'what the reader of Dockerfiles does not see is not fetched by the daemon either',
  async run({ act, base, host }) {
    const { server, asked } = await startCounter();
    try {
      // Another spelling of the directive, which only BuildKit's own detection knows.
      const syntax = `// syntax=${host}/acme/base:1\nFROM ${base}\n`;
      const other = await refusalOf(act({ Dockerfile: syntax }, {}));
      expectThat(
        'a hidden frontend is refused',
        /BUILD_FAILED|DOCKERFILE_REFUSED/.test(other.code ?? ''),
        other.message,
      );
      const variable = `FROM ${base}\nENV URL=${server.url}/x\nADD $URL /x\n`;
      const added = await refusalOf(act({ Dockerfile: variable }, {}));
      expectThat('a hidden download is refused', added.code === 'BUILD_FAILED', added.message);
      expectThat('nobody was asked', asked() === 0);
    } finally {
      await server.close();
    }
  },
};

const unpinned: Test = {
  name: 'a base without digest is refused, and the cure is the line with the digest of now',
  async run({ act, base, host }) {
    const { code, hint } = await refusalOf(act({ Dockerfile: `FROM ${host}/acme/base:1\n` }, { phase: 'fetch' }));
    expectThat('it is refused', code === 'BASE_UNPINNED', code);
    expectThat('the cure has the digest', hint?.includes(`FROM ${base}`) === true, hint);
    const host2 = await refusalOf(act({ Dockerfile: `FROM ${base}\nRUN --network=host true\n` }, { phase: 'fetch' }));
    expectThat(
      'the network of the host is refused before anything runs',
      host2.code === 'DOCKERFILE_REFUSED',
      host2.code,
    );
  },
};

const changed: Test = {
  name: 'a base of which one byte changed is refused, in the registry and in the bundle',
  async run({ act, base, registry }) {
    const files = { Dockerfile: `FROM ${base}\nRUN echo a > /a\n` };
    const { blobs } = registry.store.repository('acme/base');
    const [digest, bytes] = [...blobs].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
    if (digest === undefined || bytes === undefined) throw new Error('Cannot find the layer of the base');
    const other = Buffer.from(bytes);
    other[1000] = (other[1000] ?? 0) ^ 1;
    blobs.set(digest, other);
    const fetched = await refusalOf(act(files, { phase: 'fetch' }));
    blobs.set(digest, bytes);
    expectThat('the fetch refuses it', fetched.code === 'DIGEST_MISMATCH', `${fetched.code} ${fetched.message}`);
    const { outputs, host } = await act(files, { phase: 'fetch' });
    const bundle = outputs['bundle-path'] ?? '';
    const path = join(bundle, 'images/blobs/sha256', digest.slice('sha256:'.length));
    await writeFile(path, other);
    const built = await refusalOf(act(files, { phase: 'build', 'bundle-path': bundle }, host));
    expectThat('the build refuses it', built.code === 'INTEGRITY_MISMATCH', `${built.code} ${built.message}`);
    await writeFile(path, bytes);
    expectThat(
      'the same bundle unchanged is built',
      (await act(files, { phase: 'build', 'bundle-path': bundle }, host)).outputs !== undefined,
    );
  },
};

const downloads: Test = {
  name: 'ADD brings the fetched file of its checksum without network, and no other',
  async run({ act, base, host }) {
    const text = 'a file of somebody else\n';
    const server = await startLoopback({ handle: async () => ({ status: 200, body: text }) });
    try {
      const checksum = sha256(Buffer.from(text));
      const add = (sum: string) =>
        `FROM ${base} AS a\nADD --checksum=${sum} ${server.url}/file.txt /file.txt\nRUN cat /file.txt\n`;
      const unnamed = await refusalOf(act({ Dockerfile: add(checksum) }, {}));
      expectThat('a private host that nobody names is refused', unnamed.code === 'ADDRESS_REFUSED', unnamed.code);
      const named = { 'private-hosts': `${host}\n${new URL(server.url).host}` };
      const { outputs } = await act({ Dockerfile: add(checksum) }, named);
      const log = await readFile(join(outputs['build-record-path'] ?? '', 'build.log'), 'utf8');
      expectThat('the step read the file', log.includes(text.trim()), log.slice(-1500));
      expectThat(
        'it is in the bundle under its digest',
        (await readdir(join(outputs['bundle-path'] ?? '', 'files'))).join() === checksum.slice(7),
      );
      const other = await refusalOf(act({ Dockerfile: add(`sha256:${'0'.repeat(64)}`) }, named));
      expectThat('another checksum is refused', other.code === 'INTEGRITY_MISMATCH', other.code);
    } finally {
      await server.close();
    }
  },
};

export const ATTACKS: readonly Test[] = [network, smuggled, unpinned, changed, downloads];
