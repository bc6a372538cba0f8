import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { tagsOf } from '../../demo/published.js';
import { openWorld, type World } from '../../demo/world.js';
import type { EngineName } from '../catalog.js';
import { installDebian } from '../debian-package.js';
import { runProgram } from '../program.js';
import { type SigstoreInstance, startRealSigstore } from '../sigstore/real-sigstore.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { publishBase, publishBuildKit } from './context.js';
import { failuresOf, releaseDockerfile } from './release-dockerfile.js';

const REPOSITORY = 'acme/example/greeter';
const IDENTITY = 'https://github.com/org/paved/.github/workflows/release-container.yml@refs/tags/v1';

interface RoadContext {
  readonly engine: (name: EngineName) => string;
  readonly world: World;
  readonly instance: SigstoreInstance;
  /** By digest, on the registry that is released to. */
  readonly base: string;
  readonly runs: readonly RunResult[];
  /** Of the first release. */
  readonly digest: string;
}

const dockerfile = (base: string) => `FROM --platform=$BUILDPLATFORM ${base} AS builder
ARG TARGETARCH
COPY app.txt /src/
RUN mkdir -p /out && cat /src/app.txt > /out/app && echo "for $TARGETARCH" >> /out/app
FROM scratch
COPY --from=builder /out/app /app
COPY --from=builder /bin/busybox /busybox
USER 65532:65532
ENTRYPOINT ["/busybox", "cat", "/app"]
`;

async function startRoad(
  engine: (name: EngineName) => string,
): Promise<{ readonly context: RoadContext; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-buildkit-road-'));
  await installDebian('runc', '/usr/sbin/runc');
  let instance: (SigstoreInstance & { stop(): Promise<void> }) | undefined;
  let base = '';
  const world = await openWorld({
    folder,
    isolation: 'sandbox',
    sigstore: async (issuer) => {
      instance = await startRealSigstore(engine, issuer, join(folder, 'sigstore'));
      return { ...instance, close: instance.stop };
    },
    async prepare(registry) {
      base = await publishBase(registry, folder);
      // No advisory names an image as such: what lies in the base is for a scanner, and the platform says so in its floor.
      const floor = { 'policy-floor': '{"not-checked": {"allow": ["purl:oci"]}}' };
      const build = { platforms: { 'linux/amd64': 'ubuntu-24.04', 'linux/arm64': 'ubuntu-24.04-arm' } };
      return { ...floor, build, 'buildkit-image': await publishBuildKit(registry, folder, engine) };
    },
  });
  const stop = async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (instance === undefined) throw new Error('Cannot start the road: no Sigstore instance was asked for');
    const runs: RunResult[] = [];
    for (const version of ['1.0.0', '1.0.1']) {
      const inputs = { version, platforms: 'linux/amd64\nlinux/arm64', flatten: version === '1.0.1' };
      runs.push(await releaseDockerfile(world, dockerfile(base), inputs));
    }
    const digest = runs[0]?.outputs.release?.digest ?? '';
    return { context: { engine, world, instance, base, runs, digest }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Test = EngineTest<RoadContext>;

const released: Test = {
  name: 'release-container builds a Dockerfile with RUN steps and releases its index; a second machine gives the same digest',
  async run({ world, base, runs: [first], digest }) {
    expectThat('every step succeeds', first?.ok === true, first === undefined ? '' : failuresOf(first));
    const tags = tagsOf(world, REPOSITORY);
    const wanted = ['1.0.0', '1.0.0-amd64', '1.0.0-arm64'];
    expectThat(
      'the tags are there',
      wanted.every((tag) => tags.includes(tag)),
      tags.join(),
    );
    const again = await releaseDockerfile(world, dockerfile(base), {
      version: '1.0.2',
      platforms: 'linux/amd64\nlinux/arm64',
    });
    expectThat('every step succeeds again', again.ok, failuresOf(again));
    expectThat('the digest is the same', again.outputs.release?.digest === digest, again.outputs.release?.digest);
  },
};

const onTwoMachines: Test = {
  name: 'release-container-matrix builds each platform in a job of its own, and its index names the images that one machine makes',
  async run({ engine, world, base, digest }) {
    const inputs = { version: '5.0.0' };
    const run = await releaseDockerfile(world, dockerfile(base), inputs, 'release-container-matrix');
    expectThat('every step succeeds', run.ok, failuresOf(run));
    const names = run.jobs.map(({ name }) => name);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      expectThat(`${platform} has a job`, names.includes(`release / build (${platform})`), names.join());
      const images = [digest, run.outputs.release?.digest].map((root) => `${world.registryHost}/${REPOSITORY}@${root}`);
      const manifests = await Promise.all(
        images.map((image) => runProgram(engine('crane'), ['digest', '--insecure', '--platform', platform, image])),
      );
      const [one, other] = manifests.map(({ stdout }) => stdout.trim());
      expectThat(`its image is the same`, one !== '' && one === other, `${one} ${other}`);
    }
  },
};

const verified: Test = {
  name: 'cosign verifies signature and provenance of the index in the registry, and refuses another identity',
  async run({ engine, world, instance, digest }) {
    const image = `${world.registryHost}/${REPOSITORY}@${digest}`;
    const policy = (identity: string) => [
      ...['--certificate-identity', identity, '--certificate-oidc-issuer', world.issuer.url],
      ...['--trusted-root', instance.trustedRootPath, '--insecure-ignore-sct', '--use-signed-timestamps'],
      '--allow-http-registry',
    ];
    const env = { HOME: world.folder };
    const signature = await runProgram(engine('cosign'), ['verify', ...policy(IDENTITY), image], { env });
    expectThat('cosign verify accepts it', signature.status === 0, signature.stderr);
    const type = ['--type', 'https://slsa.dev/provenance/v1'];
    const provenance = await runProgram(engine('cosign'), ['verify-attestation', ...type, ...policy(IDENTITY), image], {
      env,
    });
    expectThat('cosign verify-attestation accepts it', provenance.status === 0, provenance.stderr);
    // One line for each attestation that it found.
    const [envelope = ''] = provenance.stdout.split('\n');
    const statement = JSON.parse(Buffer.from(JSON.parse(envelope).payload, 'base64').toString());
    // What was built into the machine has a name alone.
    const dependencies: { readonly uri?: string }[] = statement.predicate.buildDefinition.resolvedDependencies;
    const uris = dependencies.flatMap(({ uri }) => uri ?? []);
    expectThat(
      'the base is a resolved dependency',
      uris.some((uri) => uri.startsWith('pkg:oci/base@')),
      uris.join('\n'),
    );
    expectThat(
      'so is BuildKit',
      uris.some((uri) => uri.startsWith('pkg:oci/buildkit@')),
      uris.join('\n'),
    );
    const stranger = await runProgram(engine('cosign'), ['verify', ...policy(`${IDENTITY}x`), image], { env });
    expectThat('cosign refuses another identity', stranger.status !== 0);
    const platform = ['manifest', '--insecure', '--platform', 'linux/arm64', image];
    const child = await runProgram(engine('crane'), platform);
    expectThat('crane finds the image of the second platform', child.status === 0, child.stderr);
  },
};

const flattened: Test = {
  name: 'a flattened release has one layer for each platform',
  async run({ runs: [, second], world, engine }) {
    expectThat('every step succeeds', second?.ok === true, second === undefined ? '' : failuresOf(second));
    const image = `${world.registryHost}/${REPOSITORY}@${second?.outputs.release?.digest}`;
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { stdout, stderr } = await runProgram(engine('crane'), [
        'manifest',
        '--insecure',
        '--platform',
        platform,
        image,
      ]);
      expectThat(`${platform} has one layer`, JSON.parse(stdout || '{}').layers?.length === 1, stdout + stderr);
    }
  },
};

const refused: Test = {
  name: 'release-container releases nothing when a step needs the network, or a base has no digest',
  async run({ world, base }) {
    const attacks = [
      `FROM ${base}\nRUN echo | nc ${world.registryHost.replace(':', ' ')}\n`,
      `FROM ${base.replace(/@.*/, '')}\n`,
    ];
    for (const [index, text] of attacks.entries()) {
      const version = `2.0.${index}`;
      const run = await releaseDockerfile(world, text, { version });
      expectThat('the build job fails', !run.ok && failuresOf(run) !== '');
      const tags = tagsOf(world, REPOSITORY);
      expectThat('there is no tag', !tags.includes(version), tags.join());
    }
  },
};

const rehearsed: Test = {
  name: 'review-container builds, tests and rehearses the same index without a token, and leaves nothing in the registry',
  async run({ world, base }) {
    const before = { tags: tagsOf(world, REPOSITORY).length, tokens: tokensOf(world) };
    const inputs = { version: '4.0.0', platforms: 'linux/amd64\nlinux/arm64' };
    const run = await releaseDockerfile(world, dockerfile(base), inputs, 'review-container');
    expectThat('every step succeeds', run.ok, failuresOf(run));
    const last = run.jobs.at(-1)?.steps.at(-1);
    expectThat('the last one pushes into a folder', last?.name.startsWith('Push into a folder') === true, last?.name);
    const after = { tags: tagsOf(world, REPOSITORY).length, tokens: tokensOf(world) };
    expectThat('no tag and no token', JSON.stringify(after) === JSON.stringify(before), JSON.stringify(after));
    const latest = { ...inputs, version: '4.0.1', tags: 'latest' };
    const refusal = await releaseDockerfile(world, dockerfile(base), latest, 'review-container');
    expectThat(
      'what the release would refuse is refused',
      failuresOf(refusal).includes('TAG_REFUSED'),
      failuresOf(refusal),
    );
  },
};

function tokensOf({ github }: World): number {
  return github.requests.filter(({ path }) => path === '/_oidc/token').length;
}

const untested: Test = {
  name: 'an image that does not start is not released, and is kept with the record of its test; unless its test is switched off',
  async run({ world, base }) {
    const broken = dockerfile(base).replace('"/app"', '"/nothing"');
    const run = await releaseDockerfile(world, broken, { version: '3.0.0' });
    const results = Object.fromEntries(run.jobs.map(({ id, result }) => [id, result]));
    expectThat('the test refuses it', !run.ok && results.test === 'failure', JSON.stringify(results));
    expectThat('because it ends', failuresOf(run).includes('APPLICATION_TEST_FAILED'), failuresOf(run));
    expectThat('the other jobs looked at it', results.build === 'success' && results.inspect === 'success');
    expectThat('seal does not start', results.seal === 'skipped', results.seal);
    const kept = world.github.artifacts.list().map(({ name }) => name);
    expectThat(
      'image and record are kept',
      ['artifact', 'test-record'].every((name) => kept.some((stored) => stored.startsWith(name))),
      kept.join(),
    );
    expectThat('there is no tag', !tagsOf(world, REPOSITORY).includes('3.0.0'));
    const off = await releaseDockerfile(world, broken, { version: '3.0.1', 'application-test': false });
    expectThat('switched off, it is released', off.ok, failuresOf(off));
  },
};

export const buildkitRoadSuite = defineSuite<RoadContext>({
  engines: ['buildkitd', 'buildctl', 'crane', 'cosign', 'fulcio', 'rekor', 'timestamp-server'],
  start: startRoad,
  tests: [released, onTwoMachines, verified, flattened, refused, rehearsed, untested],
});
