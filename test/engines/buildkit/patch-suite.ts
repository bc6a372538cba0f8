import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImagePatches } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { openLayout } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { SANDBOX_METHODS } from '@paved/sandbox';
import { type Loopback, type RegistryDouble, startLoopback, startRegistry } from '@paved/testkit';
import { definition } from '../../../actions/hermetic-build/src/definition.js';
import type { CopaSource } from '../../../actions/hermetic-build/src/patch/locked-copa.js';
import { type Outputs, run } from '../../../actions/hermetic-build/src/run.js';
import type { EngineName } from '../catalog.js';
import { runOrThrow } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { losing, publishBuildKit, sayLosses } from './context.js';
import { publishDebian, startMirror } from './debian-base.js';
import { configOf } from './images.js';

interface PatchContext {
  readonly folder: string;
  readonly engine: (name: EngineName) => string;
  readonly registry: RegistryDouble;
  /** Has version 1.1 of the package of {@link base}. */
  readonly mirror: Loopback;
  /** By digest. */
  readonly base: string;
  readonly act: (
    dockerfile: string,
    inputs: Readonly<Record<string, string>>,
    host?: TestContext,
  ) => Promise<{ readonly outputs: Outputs; readonly host: TestContext }>;
}

type Test = EngineTest<PatchContext>;

interface Refusal {
  readonly code?: string;
  readonly message: string;
}

async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  const outcome = await work.then(
    () => undefined,
    (error: Refusal) => error,
  );
  if (outcome === undefined) throw new Error('expected: it is refused');
  return outcome;
}

const DOCKERFILE = (base: string) => `FROM ${base}
USER root
RUN cat /usr/share/paved-demo/text > /seen
USER 10001:10001
`;

async function recordOf(outputs: Outputs): Promise<ImagePatches> {
  return JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'image-patches.json'), 'utf8'));
}

const patched: Test = {
  name: 'copa patches the base in the fetch phase; the build has no network, and releases the new package in one layer',
  async run({ act, base, mirror, folder }) {
    const inputs = { patch: 'true', 'patch-mirrors': mirror.host, flatten: 'true' };
    const { outputs, host } = await act(DOCKERFILE(base), { ...inputs, phase: 'fetch' });
    const record = await recordOf(outputs);
    const [image] = record.images;
    const change = JSON.stringify(image?.packages);
    expectThat(
      'the record has the package with both versions',
      change === JSON.stringify([{ name: 'paved-demo:all', before: '1.0', after: '1.1' }]),
      change,
    );
    const before = base.slice(base.indexOf('@') + 1);
    expectThat('before is what the Dockerfile names', image?.before === before, image?.before);
    expectThat('after is another image', image?.after !== undefined && image.after !== before, image?.after);
    expectThat('the mirror alone was reached', record.reached.join() === mirror.host, record.reached.join());
    const archives = record.downloads.filter(({ url }) => url.endsWith('.deb'));
    expectThat('each archive is recorded with its digest', archives.length === 2, JSON.stringify(record.downloads));
    const manifest = JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
    const entries: readonly Record<string, string>[] = manifest.packages;
    const entry = entries.find(({ lockDigest }) => lockDigest === before);
    expectThat('the manifest has the patched image in the place of the base', entry?.version === image?.after);
    expectThat(
      'and copa',
      entries.some(({ lockDigest }) => lockDigest === record.tool?.asset),
      entries.map(({ purl }) => purl).join('\n'),
    );
    const asked = mirror.requests.length;
    const bundle = { 'bundle-path': outputs['bundle-path'] ?? '' };
    const { outputs: built } = await act(DOCKERFILE(base), { ...inputs, ...bundle, phase: 'build' }, host);
    expectThat('the build asked nobody', mirror.requests.length === asked);
    const path = built['artifact-path'] ?? '';
    const { root } = await openLayout(path);
    const [layer] = root.kind === 'image' ? root.layers : [];
    const tar = join(path, 'blobs/sha256', layer?.digest.slice(7) ?? '');
    expectThat('one layer', root.kind === 'image' && root.layers.length === 1);
    await runOrThrow('tar', ['-xf', tar, '-C', folder, 'seen', 'usr/share/paved-demo/text']);
    expectThat('the step saw the new file', (await readFile(join(folder, 'seen'), 'utf8')) === '1.1');
    const { config } = (await configOf(path)) as { readonly config: Record<string, unknown> };
    expectThat(
      'the config is that of the base, without a word of copa',
      config.User === '10001:10001' &&
        JSON.stringify(config.Labels) === '{"owner":"acme"}' &&
        config.labels === undefined,
      JSON.stringify(config),
    );
    const command = JSON.parse(
      JSON.parse(await readFile(join(built['build-record-path'] ?? '', 'build-record.json'), 'utf8')).command,
    );
    expectThat('the build record says from what', command.patched?.[before] === image?.after, JSON.stringify(command));
    const documents = await Promise.all(
      [outputs['record-path'], built['build-record-path']].map((folder) =>
        readFile(join(folder ?? '', 'image-patches.json'), 'utf8'),
      ),
    );
    expectThat('the record goes with the evidence, byte for byte', documents[0] === documents[1]);
    const other = await refusalOf(act(DOCKERFILE(base), { ...bundle, phase: 'build', flatten: 'true' }, host));
    expectThat('the bundle is not built as if it were not patched', other.code === 'BUNDLE_INCOMPLETE', other.message);
    const layerPath = join(outputs['bundle-path'] ?? '', 'images/blobs/sha256', image?.after.slice(7) ?? '');
    const bytes = await readFile(layerPath, 'utf8');
    await writeFile(layerPath, bytes.replace('"schemaVersion":2', '"schemaVersion": 2'));
    const changed = await refusalOf(act(DOCKERFILE(base), { ...inputs, ...bundle, phase: 'build' }, host));
    expectThat('a byte of the patched image is noticed', changed.code === 'INTEGRITY_MISMATCH', changed.message);
  },
};

const twice: Test = {
  name: 'what is built twice from one patched base is the same image',
  async run({ act, base, mirror }) {
    const inputs = { patch: 'true', 'patch-mirrors': mirror.host, phase: 'reproduce' };
    const { outputs } = await act(DOCKERFILE(base), inputs);
    expectThat('there is an image', (await openLayout(outputs['artifact-path'] ?? '')).root.kind === 'image');
  },
};

const refused: Test = {
  name: 'a mirror that is not on the list is not reached, and fails the patch; so does a second source beside an allowed one',
  async run({ act, base, mirror, registry, folder }) {
    const asked = mirror.requests.length;
    const none = await refusalOf(
      act(DOCKERFILE(base), { patch: 'true', 'patch-mirrors': 'deb.example.test', phase: 'fetch' }),
    );
    expectThat('it fails', none.code === 'IMAGE_PATCH_FAILED', none.message);
    expectThat('it says which', none.message.includes(`"${mirror.host}" (it is not in patch-mirrors)`), none.message);
    expectThat('the mirror was not asked', mirror.requests.length === asked);
    const other = await startLoopback({ handle: async () => ({ status: 200, body: 'reached' }) });
    try {
      const both = await publishDebian(registry, folder, { mirrors: [mirror.host, other.host] });
      const second = await refusalOf(
        act(DOCKERFILE(both), { patch: 'true', 'patch-mirrors': mirror.host, phase: 'fetch' }),
      );
      expectThat('it fails', second.code === 'IMAGE_PATCH_FAILED', second.message);
      expectThat('it says which', second.message.includes(`"${other.host}"`), second.message);
      expectThat('the other was not asked', other.requests.length === 0);
      const allowed = { patch: 'true', 'patch-mirrors': `${mirror.host}\n${other.host}`, phase: 'fetch' };
      await act(DOCKERFILE(both), allowed).catch(() => undefined);
      expectThat('the control: on the list it is', other.requests.length > 0);
    } finally {
      await other.close();
    }
  },
};

/** An apt-get that goes past the proxy before it does its work. */
const PAST = (url: string) => `#!/bin/sh
/usr/lib/apt/apt-helper -o Acquire::http::Proxy=DIRECT -o Acquire::Retries=0 download-file ${url}/past /tmp/past && exit 99
exec /usr/lib/apt/apt-real "$@"
`;

const past: Test = {
  name: 'a package manager that does not ask the proxy reaches nothing: its network has loopback alone',
  async run({ act, mirror, registry, folder }) {
    const server = await startLoopback({ handle: async () => ({ status: 200, body: 'reached' }) });
    try {
      const files = { '/usr/bin/apt-get': PAST(server.url) };
      const base = await publishDebian(registry, folder, { mirrors: [mirror.host], files });
      const inputs = { patch: 'true', 'patch-mirrors': mirror.host, phase: 'fetch' };
      const { outputs } = await act(DOCKERFILE(base), inputs);
      const [image] = (await recordOf(outputs)).images;
      expectThat('it went on by the proxy', image?.packages.length === 1, JSON.stringify(image));
      expectThat('nobody was asked beside it', server.requests.length === 0);
    } finally {
      await server.close();
    }
  },
};

const unchanged: Test = {
  name: 'a base that is up to date stays the image that it is; one without a mirror that answers is an error',
  async run({ act, registry, folder }) {
    const mirror = await startMirror(folder, '1.0');
    const base = await publishDebian(registry, folder, { mirrors: [mirror.host] });
    const inputs = { patch: 'true', 'patch-mirrors': mirror.host };
    try {
      const { outputs } = await act(DOCKERFILE(base), inputs);
      const [image] = (await recordOf(outputs)).images;
      const same = image?.before === image?.after && image?.packages.length === 0;
      expectThat('before is after', same, JSON.stringify(image));
      expectThat('it is built', outputs['artifact-path'] !== undefined);
    } finally {
      await mirror.close();
    }
    const gone = await refusalOf(act(DOCKERFILE(base), { ...inputs, phase: 'fetch' }));
    expectThat('no answer is no success', gone.code === 'IMAGE_PATCH_FAILED', gone.message);
  },
};

const lost: Test = {
  name: 'a patch whose daemon ends is started once more; twice is an error that says so',
  async run({ act, base, mirror, registry, engine, folder }) {
    const patch = async (times: number) => {
      const script = losing(engine('buildkitd'), join(folder, `lost-${times}`), { from: 0, times });
      const image = await publishBuildKit(registry, folder, engine, { text: script });
      const inputs = { patch: 'true', 'patch-mirrors': mirror.host, phase: 'fetch', 'buildkit-image': image };
      return await act(DOCKERFILE(base), inputs);
    };
    const { outputs, host } = await patch(1);
    const [image] = (await recordOf(outputs)).images;
    expectThat('it is patched', image?.packages.length === 1, JSON.stringify(image));
    const log = host.lines.join('\n');
    expectThat('the log says it', log.includes('buildkitd ended during the patch'), log);
    const failed = await refusalOf(patch(2));
    expectThat('twice is an error', failed.code === 'BUILDKIT_UNAVAILABLE', failed.message);
    expectThat('that says how it ended', failed.message.includes('exit status 137'), failed.message);
  },
};

/** The program that was built from source, in the place of the release. */
async function serveCopa(path: string): Promise<{ readonly source: CopaSource; readonly server: Loopback }> {
  const bytes = await readFile(path);
  const server = await startLoopback({ handle: async () => ({ status: 200, body: bytes }) });
  const tool = { tool: 'copa', version: '0.14.2', platform: 'linux/amd64', path: 'copa/copa', agreement: 2 } as const;
  const source = { lock: { tools: [{ ...tool, sha256: sha256(bytes) }] }, baseUrl: new URL(server.url) };
  return { source, server };
}

async function start(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: PatchContext; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-patch-engine-'));
  const registry = await startRegistry();
  const mirror = await startMirror(folder, '1.1');
  const base = await publishDebian(registry, folder, { mirrors: [mirror.host] });
  const buildkit = await publishBuildKit(registry, folder, engine);
  const copa = await serveCopa(engine('copa'));
  const hosts: TestContext[] = [];
  const context: PatchContext = {
    folder,
    engine,
    registry,
    mirror,
    base,
    async act(dockerfile, inputs, sameHost) {
      const host = sameHost ?? (await testContext({ action: 'hermetic-build' }));
      hosts.push(host);
      await writeFile(join(host.workspace, 'Dockerfile'), dockerfile);
      const common = { 'source-path': host.workspace, dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
      const named = { 'buildkit-image': buildkit, 'private-hosts': new URL(registry.url).host };
      const given = await host.inputs(definition, { ...common, ...named, ...inputs });
      const outputs = await run(given, host.context, SANDBOX_METHODS, copa.source);
      sayLosses(host.lines);
      return { outputs, host };
    },
  };
  const stop = async () => {
    for (const host of hosts) await host.dispose();
    for (const server of [registry, mirror, copa.server]) await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { context, stop };
}

export const patchSuite = defineSuite<PatchContext>({
  engines: ['buildkitd', 'buildctl', 'copa'],
  start,
  tests: [patched, twice, refused, past, lost, unchanged],
});
