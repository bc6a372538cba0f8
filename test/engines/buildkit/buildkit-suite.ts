import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@paved/json';
import { openLayout, readPlatform } from '@paved/oci';
import { runOrThrow } from '../program.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { ATTACKS } from './attacks.js';
import { type BuildKitContext, losing, publishBuildKit, publishFrontend, publishGo, startBuildKit } from './context.js';
import { configOf } from './images.js';

type Test = EngineTest<BuildKitContext>;

const DOCKERFILE = (base: string) => `ARG GREETING=hello
FROM ${base} AS builder
ARG GREETING
COPY src/ /src/
RUN mkdir -p /out && cat /src/a.txt > /out/app && echo "$GREETING" >> /out/app && chmod 755 /out/app && ln -s app /out/link
FROM ${base}
COPY --from=builder /out/ /app/
RUN touch /etc/made && rm /etc/base
USER 65532:65532
ENTRYPOINT ["/app/app"]
`;

const twice: Test = {
  name: 'an image with RUN steps is built twice, bit for bit the same, and another with another argument',
  async run({ act, base }) {
    const files = { Dockerfile: DOCKERFILE(base), 'src/a.txt': 'a\n' };
    const { outputs } = await act(files, { phase: 'reproduce' });
    const first = await openLayout(outputs['artifact-path'] ?? '');
    const again = await act(files, {});
    const second = await openLayout(again.outputs['artifact-path'] ?? '');
    expectThat(
      'both digests are equal',
      first.root.digest === second.root.digest,
      `${first.root.digest} ${second.root.digest}`,
    );
    const other = await act(files, { 'build-args': 'GREETING=bye' });
    const third = await openLayout(other.outputs['artifact-path'] ?? '');
    expectThat('another argument is another image', third.root.digest !== first.root.digest);
    const manifest = JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
    const images = manifest.packages.map(({ ecosystem, scope }: Record<string, string>) => `${ecosystem} ${scope}`);
    expectThat(
      'base and BuildKit are recorded',
      images.join() === 'purl:oci runtime,purl:oci development',
      images.join(),
    );
    expectThat('platforms are read', (await readPlatform(first, first.root))?.architecture === 'amd64');
  },
};

const platforms: Test = {
  name: 'two platforms are one index, built on one of them, and each has the files of its own base',
  async run({ act, base }) {
    const text = `FROM --platform=$BUILDPLATFORM ${base} AS builder
ARG TARGETARCH
RUN echo "for $TARGETARCH" > /app
FROM ${base}
COPY --from=builder /app /app
USER 10001
`;
    const { outputs } = await act({ Dockerfile: text }, { platforms: 'linux/amd64\nlinux/arm64' });
    const layout = await openLayout(outputs['artifact-path'] ?? '');
    const found = await Promise.all(layout.manifests.map((manifest) => readPlatform(layout, manifest)));
    const architectures = found.flatMap((platform) => platform?.architecture ?? []);
    expectThat(
      'the index has both',
      layout.root.kind === 'index' && architectures.join() === 'amd64,arm64',
      architectures.join(),
    );
    const again = await act({ Dockerfile: text }, { platforms: 'linux/amd64\nlinux/arm64' });
    const second = await openLayout(again.outputs['artifact-path'] ?? '');
    expectThat('again it is the same index', second.root.digest === layout.root.digest);
  },
};

const flat: Test = {
  name: 'a flattened image has one layer, keeps what a runtime reads, and nothing that was removed',
  async run({ act, base }) {
    const text = `FROM ${base}
RUN echo paved-removed > /gone && mkdir -p /d && echo old > /d/a && ln /d/a /d/b && chmod 4755 /d/a
RUN rm /gone && rm -r /d && mkdir /d && echo new > /d/c && ln /d/c /d/e
ENV A=b
WORKDIR /d
USER 10001:10001
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGINT
LABEL a=b
HEALTHCHECK CMD ["/bin/cat"]
CMD ["c"]
ENTRYPOINT ["/bin/cat"]
`;
    const whole = await act({ Dockerfile: text }, {});
    const one = await act({ Dockerfile: text }, { flatten: 'true' });
    const path = one.outputs['artifact-path'] ?? '';
    const { root } = await openLayout(path);
    expectThat('it has one layer', root.kind === 'image' && root.layers.length === 1);
    const [before, after] = [await configOf(whole.outputs['artifact-path'] ?? ''), await configOf(path)];
    expectThat(
      'the config is kept',
      canonicalJson(before.config) === canonicalJson(after.config),
      JSON.stringify(after),
    );
    const layer = join(path, 'blobs/sha256', root.kind === 'image' ? (root.layers[0]?.digest.slice(7) ?? '') : '');
    const listed = (await runOrThrow('tar', ['-tvf', layer])).split('\n');
    const has = (name: string) => listed.some((line) => line.includes(` ${name}`));
    expectThat('what is left is there', has('d/c') && has('d/e link to d/c') && has('etc/base'), listed.join('\n'));
    expectThat(
      'what was removed is not',
      !has('gone') && !has('d/a') && !has('d/b') && !listed.join().includes('.wh.'),
    );
    const bytes = await readFile(layer, 'latin1');
    expectThat('nor is its content', !bytes.includes('paved-removed'));
    const again = await act({ Dockerfile: text }, { flatten: 'true' });
    expectThat(
      'again it is the same',
      (await openLayout(again.outputs['artifact-path'] ?? '')).root.digest === root.digest,
    );
  },
};

const starter: Test = {
  name: "the container example's Dockerfile is built in three stages; what is released has one program and no finding, and keeps the contract",
  async run({ act, registry, folder }) {
    const names = ['Dockerfile', 'go.mod', 'main.go', 'main_test.go', 'test.sh'];
    const texts = await Promise.all(names.map((name) => readFile(join('examples/container', name), 'utf8')));
    const files = Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']));
    const inputs = { 'build-args': `GO_IMAGE=${await publishGo(registry, folder)}`, flatten: 'true' };
    const { outputs, host } = await act(files, inputs);
    const tested = { phase: 'test', 'layout-path': outputs['artifact-path'] ?? '', 'test-script': 'test.sh' };
    const { outputs: shown } = await act({}, tested, host);
    const record = JSON.parse(await readFile(join(shown['record-path'] ?? '', 'application-test.json'), 'utf8'));
    expectThat(
      "it is started, and the example's script passes",
      record.run?.scriptStatus === 0,
      JSON.stringify(record),
    );
    const { root } = await openLayout(outputs['artifact-path'] ?? '');
    const layer = root.kind === 'image' ? (root.layers[0]?.digest.slice(7) ?? '') : '';
    const listed = await runOrThrow('tar', ['-tf', join(outputs['artifact-path'] ?? '', 'blobs/sha256', layer)]);
    expectThat('it has the program alone', listed.trim() === 'greeter', listed);
    const sarif = JSON.parse(await readFile(join(outputs['build-record-path'] ?? '', 'image-rules.sarif'), 'utf8'));
    expectThat('no rule finds anything', sarif.runs[0].results.length === 0, JSON.stringify(sarif.runs[0].results));
    const { config } = (await configOf(outputs['artifact-path'] ?? '')) as { readonly config: Record<string, unknown> };
    expectThat('it has a user of its own', config.User === '65532:65532', JSON.stringify(config));
  },
};

const frontend: Test = {
  name: 'a frontend of # syntax= is fetched by digest, recorded, and reads the Dockerfile in place of the built-in one',
  async run({ act, base, engine, registry, folder }) {
    const text = (image: string) => `# syntax=${image}\nFROM ${base}\nRUN echo a > /a\nUSER 10001\n`;
    const own = await publishFrontend(registry, folder, engine('dockerfile-frontend'));
    const { outputs } = await act({ Dockerfile: text(own) }, {});
    const again = await act({ Dockerfile: text(own) }, {});
    const digests = await Promise.all(
      [outputs, again.outputs].map(async (built) => (await openLayout(built['artifact-path'] ?? '')).root.digest),
    );
    expectThat('twice it is the same image', digests[0] === digests[1], digests.join());
    const manifest = JSON.parse(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
    const names = manifest.packages.map(({ name }: Record<string, string>) => name);
    expectThat('it is recorded', names.includes('dockerfile'), names.join());
    const other = await publishFrontend(registry, folder, '/bin/busybox');
    const failed = await act({ Dockerfile: text(other) }, {}).then(
      () => undefined,
      (error: { readonly code?: string }) => error.code,
    );
    expectThat('the program of that digest is the one that runs', failed === 'BUILD_FAILED', failed);
    const unpinned = await act({ Dockerfile: text(own.replace(/@.*/, '')) }, { phase: 'fetch' }).then(
      () => undefined,
      (error: { readonly code?: string }) => error.code,
    );
    expectThat('without a digest it is refused', unpinned === 'BASE_UNPINNED', unpinned);
  },
};

const lost: Test = {
  name: 'a build whose daemon ends is started once more, with nothing of the old one; twice is an error that says so',
  async run({ act, base, engine, registry, folder }) {
    const text = `FROM ${base}\nRUN sleep 1 && echo a > /a\nUSER 10001\n`;
    const build = async (times: number, from = 1) => {
      // The first start is the canary's.
      const script = losing(engine('buildkitd'), join(folder, `lost-${from}-${times}`), { from, times });
      const image = await publishBuildKit(registry, folder, engine, { text: script });
      return await act({ Dockerfile: text }, { 'buildkit-image': image });
    };
    const { outputs, host } = await build(1);
    const whole = await act({ Dockerfile: text }, {});
    const digests = await Promise.all(
      [outputs, whole.outputs].map(async (built) => (await openLayout(built['artifact-path'] ?? '')).root.digest),
    );
    expectThat('it is the image of a build that lost nothing', digests[0] === digests[1], digests.join());
    expectThat('the log says it', host.lines.join('\n').includes('buildkitd ended during the build'));
    const failed = await build(2).then(
      () => undefined,
      (error: { readonly code?: string; readonly message?: string }) => error,
    );
    expectThat('twice is an error', failed?.code === 'BUILDKIT_UNAVAILABLE', failed?.message);
    expectThat('that says how it ended', failed?.message?.includes('exit status 137') === true, failed?.message);
    const canary = await build(1, 0);
    expectThat(
      'so does the canary',
      canary.host.lines.join('\n').includes('buildkitd ended during the canary'),
      canary.host.lines.join('\n'),
    );
  },
};

export const buildkitSuite = defineSuite<BuildKitContext>({
  engines: ['buildkitd', 'buildctl', 'crane', 'dockerfile-frontend'],
  start: startBuildKit,
  tests: [twice, platforms, flat, frontend, starter, lost, ...ATTACKS],
});
