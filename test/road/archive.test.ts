import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import type { RunResult } from '@paved/local-runner';
import { OCI_INDEX, OCI_MANIFEST } from '@paved/oci';
import { pack } from 'tar-stream';
import { stringify } from 'yaml';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { readPublished } from '../demo/published.js';
import { release } from '../demo/release.js';
import { verifyImage } from '../demo/verify.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const IDENTITY = { repositoryId: OWNER.id, ownerId: OWNER.ownerId };

let world: World;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-archive-')), isolation });
}, 120_000);

afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

/** The tar of a layout with one image for each of two platforms, and the digest of its index. */
async function twoPlatforms(): Promise<{ readonly tar: Buffer; readonly digest: string }> {
  const archive = pack();
  const add = (mediaType: string, text: string) => {
    const digest = sha256(text);
    archive.entry({ name: `blobs/sha256/${digestHex(digest)}` }, text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const manifests = ['amd64', 'arm64'].map((architecture) => {
    const layer = `layer for ${architecture}`;
    const text = JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [sha256(layer)] } });
    const config = add('application/vnd.oci.image.config.v1+json', text);
    const layers = [add('application/vnd.oci.image.layer.v1.tar', layer)];
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers });
    return { ...add(OCI_MANIFEST, manifest), platform: { os: 'linux', architecture } };
  });
  const index = add(OCI_INDEX, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  archive.entry({ name: 'index.json' }, JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  archive.entry({ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return { tar: Buffer.concat(chunks), digest: index.digest };
}

async function releaseArchive(name: string, file: string, bytes: Buffer): Promise<RunResult> {
  const job = {
    permissions: { actions: 'read', contents: 'read', 'id-token': 'write', packages: 'write' },
    uses: `${PLATFORM}/.github/workflows/release-container.yml@v1`,
    with: {
      name,
      version: '1.0.0',
      lockfile: 'artifacts.lock.yaml',
      command: `mkdir -p out && base64 -d archive.b64 > out/${file}`,
      'output-path': `out/${file}`,
      layout: file,
      'application-test': false,
    },
  };
  const workflow = stringify({ name, on: { push: {} }, permissions: {}, jobs: { release: job } });
  const files = {
    'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n',
    'archive.b64': bytes.toString('base64'),
  };
  const source = 'examples/node-package';
  const caller = createProject(join(world.folder, name), { ...OWNER, source, inputs: {}, files, workflow });
  return await release(world, { caller });
}

const failuresOf = (run: RunResult) =>
  run.jobs
    .flatMap((job) => job.steps.filter(({ outcome }) => outcome === 'failure'))
    .map((step) => `${step.name}: ${step.log.slice(-2000)}`)
    .join('\n');

test.each<[string, (tar: Buffer) => Buffer]>([
  ['app.tar', (tar) => tar],
  ['app.tar.gz', (tar) => gzipSync(tar)],
])(
  'a multi-platform layout as %s is signed with every image in it, tagged, and accepted by verify',
  async (file, compress) => {
    const name = file.replaceAll('.', '-');
    const { tar, digest } = await twoPlatforms();
    const run = await releaseArchive(name, file, compress(tar));
    expect(failuresOf(run)).toBe('');
    expect(run.outputs.release?.digest).toBe(digest);
    const stored = world.registry.store.repository(`acme/example/${name}`);
    const tags = [...stored.tags].filter(([tag]) => !tag.startsWith('sha256-'));
    expect(tags.map(([tag]) => tag).sort()).toEqual(['1.0.0', '1.0.0-amd64', '1.0.0-arm64']);
    expect(stored.tags.get('1.0.0')).toBe(digest);
    const reference = `${world.registryHost}/acme/example/${name}@${digest}`;
    expect(await verifyImage(world, reference, IDENTITY, '1.0.0', 'release-container')).toMatchObject({ ok: true });
    const { bundles } = readPublished(world, `acme/example/${name}`, digest, join(world.folder, `published-${name}`));
    const provenance = bundles.find(({ predicateType }) => predicateType === 'https://slsa.dev/provenance/v1');
    const { dsseEnvelope } = JSON.parse(readFileSync(provenance?.path ?? '', 'utf8'));
    const { subject } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'));
    const named = subject.map((one: { readonly digest: { readonly sha256: string } }) => one.digest.sha256);
    // The file as the build left it, the index, and each image.
    for (const wanted of [sha256(compress(tar)), ...stored.tags.values()].map((text) => text.slice(7)))
      expect(named).toContain(wanted);
  },
  300_000,
);
