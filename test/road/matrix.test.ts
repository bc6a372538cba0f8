import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { BetweenFacts, CallerRepository, Rerun, RunResult } from '@paved/local-runner';
import { type Sigstore, startSigstore } from '@paved/testkit';
import { stringify } from 'yaml';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { readPublished, tagsOf } from '../demo/published.js';
import { release } from '../demo/release.js';
import { verifyImage } from '../demo/verify.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const IDENTITY = { repositoryId: OWNER.id, ownerId: OWNER.ownerId };
const PLATFORMS = { 'linux/amd64': 'ubuntu-24.04', 'linux/arm64': 'ubuntu-24.04-arm' };
const WRITE = { actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' };
const READ = { actions: 'read', contents: 'read' };

const imageOf = (platforms: readonly string[]) =>
  stringify({
    platforms: Object.fromEntries(
      platforms.map((platform) => [platform, { files: [{ from: `${platform.split('/')[1]}/app`, to: '/app' }] }]),
    ),
    user: '65532:65532',
    entrypoint: ['/app'],
  });

/** Each machine builds the files of both, and takes those of its own platform. */
const INPUTS = {
  command: 'for arch in amd64 arm64; do mkdir -p out/$arch; echo "program of $arch" > out/$arch/app; done',
  'output-path': 'out',
  image: 'image.yaml',
  version: '1.0.0',
  lockfile: 'artifacts.lock.yaml',
  // Nothing of this machine can start the image of the other platform.
  'application-test': false,
};
const FILES = {
  'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n',
  'image.yaml': imageOf(Object.keys(PLATFORMS)),
};

let world: World;
let sigstore: Sigstore;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({
    folder: mkdtempSync(join(tmpdir(), 'paved-matrix-')),
    isolation,
    sigstore: async (issuer) => {
      sigstore = await startSigstore({ issuer });
      return sigstore;
    },
    prepare: async () => ({ build: { platforms: PLATFORMS } }),
  });
}, 120_000);

afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

interface Change {
  readonly workflow?: 'release-container-matrix' | 'review-container-matrix';
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
}

function project(
  name: string,
  { workflow = 'release-container-matrix', inputs, files }: Change = {},
): CallerRepository {
  const job = {
    permissions: workflow.startsWith('release') ? WRITE : READ,
    uses: `${PLATFORM}/.github/workflows/${workflow}.yml@v1`,
    with: { ...INPUTS, name, ...inputs },
  };
  const text = stringify({ name, on: { push: {} }, permissions: {}, jobs: { release: job } });
  const options = { ...OWNER, source: 'examples/node-package', inputs: {}, files: { ...FILES, ...files } };
  return createProject(join(world.folder, name), { ...options, workflow: text });
}

function run(caller: CallerRepository, more: { rerun?: Rerun; between?: Between } = {}): Promise<RunResult> {
  return release(world, { caller, ...more });
}

type Between = (jobId: string, facts: BetweenFacts) => void;
type Outputs = Record<string, string>;

/** Somebody who controls a build machine can write what it likes into the outputs of its job. */
function afterLeg(platform: string, change: (outputs: Outputs, before: Outputs) => void): Between {
  const all: Outputs = {};
  return (jobId, { job }) => {
    if (jobId !== 'build') return;
    Object.assign(all, withoutEmpty(job.outputs));
    if (job.name.endsWith(`(${platform})`)) change(job.outputs as Outputs, all);
  };
}

function withoutEmpty(outputs: Readonly<Outputs>): Outputs {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== ''));
}

const resultsOf = (result: RunResult) => result.jobs.map(({ name, result: end, attempt }) => [name, end, attempt]);
const refusal = (result: RunResult) =>
  result.jobs
    .flatMap(({ name, steps }) => steps.filter(({ outcome }) => outcome === 'failure').map((step) => ({ name, step })))
    .map(({ name, step }) => `${name}: ${step.name}: ${step.log.slice(-1500)}`)
    .join('\n');

const LEGS = Object.keys(PLATFORMS);
const all = (end: string, attempt: number, ...jobs: readonly string[]) =>
  jobs.map((job) => [`release / ${job}`, end, attempt]);
const BUILDS = LEGS.map((platform) => `build (${platform})`);
const TESTS = LEGS.map((platform) => `test (${platform})`);

describe('a release with a machine for each platform', () => {
  let caller: CallerRepository;
  let first: RunResult;
  let second: RunResult;
  let digest = '';

  beforeAll(async () => {
    caller = project('tool');
    sigstore.faults.fulcio = { status: 400 };
    first = await run(caller);
    delete sigstore.faults.fulcio;
    second = await run(caller, { rerun: { previous: first } });
    digest = second.outputs.release?.digest ?? '';
  }, 300_000);

  test('goes through build, inspect, test and seal; seal alone starts again when it alone failed', () => {
    expect(resultsOf(first)).toEqual([
      ...all('success', 1, ...BUILDS, 'inspect', ...TESTS),
      ...all('failure', 1, 'seal'),
    ]);
    expect(refusal(second)).toBe('');
    expect(resultsOf(second)).toEqual([
      ...all('success', 1, ...BUILDS, 'inspect', ...TESTS),
      ...all('success', 2, 'seal'),
    ]);
  });

  function manifestOf(reference: string) {
    const stored = world.registry.store.repository('acme/example/tool');
    return JSON.parse(stored.manifests.get(reference)?.bytes.toString('utf8') ?? '{}');
  }

  test('leaves one index over the image of each machine, and a tag for the whole and for each', () => {
    const { manifests } = manifestOf(digest) as {
      readonly manifests: readonly { readonly digest: string; readonly platform: unknown }[];
    };
    expect(manifests.map(({ platform }) => platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
    const stored = world.registry.store.repository('acme/example/tool');
    const tags = [...stored.tags].filter(([name]) => !name.startsWith('sha256-')).sort();
    expect(tags).toEqual([
      ['1.0.0', digest],
      ['1.0.0-amd64', manifests[0]?.digest],
      ['1.0.0-arm64', manifests[1]?.digest],
    ]);
    for (const [index, arch] of ['amd64', 'arm64'].entries()) {
      const [layer] = manifestOf(manifests[index]?.digest ?? '').layers;
      expect(stored.blobs.get(layer.digest)?.toString('latin1')).toContain(`program of ${arch}\n`);
    }
  });

  test('is accepted by verify with every image below it, by its own builder alone', async () => {
    const reference = `${world.registryHost}/acme/example/tool@${digest}`;
    const verified = await verifyImage(world, reference, IDENTITY, '1.0.0', 'release-container-matrix');
    expect(verified).toMatchObject({ ok: true });
    expect(await verifyImage(world, reference, IDENTITY, '1.0.0', 'release-container')).toMatchObject({ ok: false });
  }, 60_000);

  test('states of every machine what it fetched and did, under the name of its job', () => {
    const { bundles } = readPublished(world, 'acme/example/tool', digest, join(world.folder, 'published'));
    const bundle = bundles.find(({ predicateType }) => predicateType === 'https://slsa.dev/provenance/v1');
    const { dsseEnvelope } = JSON.parse(readFileSync(bundle?.path ?? '', 'utf8'));
    const { predicate, subject } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'));
    const { internalParameters } = predicate.buildDefinition;
    expect(internalParameters.legs.map((leg: { readonly platform: string }) => leg.platform)).toEqual(LEGS);
    const jobs = internalParameters.jobs.map((job: { readonly name: string; readonly labels: readonly string[] }) => [
      job.name,
      job.labels,
    ]);
    expect(jobs).toEqual(Object.entries(PLATFORMS).map(([name, label]) => [`release / build (${name})`, [label]]));
    const names = predicate.runDetails.byproducts.map(({ name }: { readonly name: string }) => name);
    for (const key of ['linux-amd64', 'linux-arm64']) {
      for (const document of ['fetch-manifest', 'build-record', 'build-log'])
        expect(names).toContain(`${key}/${document}`);
    }
    const subjects = subject.map(
      (one: { readonly digest: { readonly sha256: string } }) => `sha256:${one.digest.sha256}`,
    );
    for (const child of manifestOf(digest).manifests) expect(subjects).toContain(child.digest);
  });

  test('a leg that is run again alone is not put together with the other', async () => {
    const pushed = world.registry.requests.length;
    const again = await run(caller, { rerun: { previous: second, jobs: ['release / build (linux/arm64)'] } });
    expect(resultsOf(again).slice(0, 3)).toEqual([
      ...all('success', 1, 'build (linux/amd64)'),
      ...all('success', 3, 'build (linux/arm64)'),
      ...all('failure', 3, 'inspect'),
    ]);
    expect(refusal(again)).toContain('HANDOFF_LEGS_MIXED');
    expect(world.registry.requests).toHaveLength(pushed);
  }, 120_000);
});

test('a review rehearses it without a token', async () => {
  const pushed = world.registry.requests.length;
  const result = await run(project('looked', { workflow: 'review-container-matrix' }));
  expect([refusal(result), result.ok]).toEqual(['', true]);
  expect(resultsOf(result)).toEqual(all('success', 1, ...BUILDS, 'inspect', ...TESTS, 'gate'));
  expect(world.registry.requests).toHaveLength(pushed);
}, 120_000);

describe('nothing is released', () => {
  async function refused(name: string, change: Change, between?: Between): Promise<RunResult> {
    const result = await run(project(name, change), between === undefined ? {} : { between });
    expect(result.ok).toBe(false);
    expect(result.jobs.find(({ id }) => id === 'seal')).toMatchObject({ result: 'skipped' });
    expect(tagsOf(world, `acme/example/${name}`)).toEqual([]);
    return result;
  }

  test('when one machine fails', async () => {
    const result = await refused('half', { files: { 'image.yaml': imageOf(['linux/amd64']) } });
    expect(resultsOf(result).slice(0, 3)).toEqual([
      ...all('success', 1, 'build (linux/amd64)'),
      ...all('failure', 1, 'build (linux/arm64)'),
      ...all('skipped', 1, 'inspect'),
    ]);
    expect(refusal(result)).toContain('IMAGE_INVALID');
  }, 120_000);

  test('when a machine names the hand-over of another', async () => {
    const between = afterLeg('linux/arm64', (outputs, before) => {
      for (const part of ['id', 'sha256']) {
        outputs[`linux-arm64-artifact-${part}`] = before[`linux-amd64-artifact-${part}`] ?? '';
      }
    });
    const result = await refused('same', {}, between);
    expect(refusal(result)).toContain('HANDOFF_LEG_REPEATED');
  }, 120_000);

  test('when the hand-overs of two machines change places', async () => {
    const between = afterLeg('linux/arm64', (outputs, before) => {
      const given = { ...before };
      for (const part of ['id', 'sha256']) {
        outputs[`linux-arm64-artifact-${part}`] = given[`linux-amd64-artifact-${part}`] ?? '';
        outputs[`linux-amd64-artifact-${part}`] = given[`linux-arm64-artifact-${part}`] ?? '';
      }
    });
    const result = await refused('swap', {}, between);
    expect(refusal(result)).toContain('LEG_PLATFORM_WRONG');
  }, 120_000);

  test.each(['id', 'sha256', 'made'])(
    'when the %s of a machine does not arrive',
    async (part) => {
      const between = afterLeg('linux/amd64', (outputs) => {
        outputs[`linux-amd64-record-${part}`] = '';
      });
      const result = await refused(`lost-${part}`, {}, between);
      expect(refusal(result)).toContain(part === 'made' ? 'HANDOFF_ORIGIN_INVALID' : 'HANDOFF_LEG_MISSING');
    },
    120_000,
  );

  test('when the command of every machine leaves the image of one platform', async () => {
    const files = layoutFor('amd64');
    const command = 'mkdir -p out/blobs/sha256; cp oci-layout index.json out; cp sha256-* out/blobs/sha256';
    const renamed = `${command}; cd out/blobs/sha256; for f in sha256-*; do mv $f \${f#sha256-}; done`;
    const result = await refused('twice', { inputs: { command: renamed, image: '' }, files });
    expect(refusal(result)).toContain('LEG_PLATFORM_WRONG');
  }, 120_000);
});

/** A layout that a project brings ready-made, one file for each blob. */
function layoutFor(architecture: string): Readonly<Record<string, string>> {
  const files: Record<string, string> = { 'oci-layout': '{"imageLayoutVersion":"1.0.0"}' };
  const put = (kind: string, text: string) => {
    const digest = sha256(text);
    files[digest.replace(':', '-')] = text;
    return { mediaType: `application/vnd.oci.image.${kind}`, digest, size: Buffer.byteLength(text) };
  };
  const layer = put('layer.v1.tar', 'a layer');
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = put('config.v1+json', JSON.stringify({ os: 'linux', architecture, rootfs }));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put('manifest.v1+json', JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  files['index.json'] = JSON.stringify({ schemaVersion: 2, manifests: [manifest] });
  return files;
}
