import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseBundleIndex } from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { parseRegistryHost, parseRepositoryName, RegistryClient } from '@paved/oci';
import { parseTrustedRoot, verifyBundle } from '@paved/sigstore';
import { type RegistryDouble, startRegistry } from '@paved/testkit';
import { BundleBudget } from '../../verify/src/bundle-budget.js';
import { fetchLegacy } from '../../verify/src/legacy-tags.js';
import { parseSimpleSigning } from '../../verify/src/simple-signing.js';
import { type Instance, type Outcome, sign, startInstance, WORKFLOW, WORKFLOW_SHA } from './scenario.js';

let instance: Instance;
let registry: RegistryDouble;
beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(async () => {
  await registry.close();
});

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const PREDICATE = { 'predicate-path': 'p.json', 'predicate-type': 'https://example.com/p/v1' };

const host = () => new URL(registry.url).host;
const repository = () => registry.store.repository('acme/app');

function plant(mediaType: string, document: object): { mediaType: string; digest: Digest; size: number } {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  const digest = sha256(bytes);
  const nothing = { subject: undefined, artifactType: undefined, annotations: undefined };
  repository().manifests.set(digest, { digest, mediaType, bytes, ...nothing });
  return { mediaType, digest, size: bytes.length };
}

/** An index in an index, as build tools write them; returns all digests, the image's first. */
function plantImage(): readonly [Digest, ...Digest[]] {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256('{}'), size: 2 };
  const [amd64, arm64] = ['amd64', 'arm64'].map((name) =>
    plant(MANIFEST, { config, layers: [], annotations: { name } }),
  );
  const inner = plant(INDEX, { manifests: [arm64] });
  const root = plant(INDEX, { manifests: [amd64, inner] });
  return [root.digest, amd64?.digest ?? root.digest, inner.digest, arm64?.digest ?? root.digest];
}

function signImage(digest: Digest, inputs: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const image = { 'image-name': `${host()}/acme/app`, 'image-digest': digest, 'image-remote': 'true' };
  return sign(instance, { files: { 'workspace/p.json': '{}' }, inputs: { ...image, ...inputs } });
}

async function signedDigests(outcome: Outcome): Promise<readonly string[]> {
  const path = (await outcome.files()).find((name) => name.endsWith('bundles/index.json')) ?? '';
  const { bundles } = parseBundleIndex(await outcome.read(path));
  return bundles
    .filter(({ slot }) => slot === 'signature')
    .flatMap(({ subjects }) => subjects.map((one) => one.digest));
}

describe('an image in a registry', () => {
  test('every manifest of the index is signed, at any depth, with one token; nothing is pushed', async () => {
    const digests = plantImage();
    const outcome = await signImage(digests[0]);
    expect(outcome.error).toBeUndefined();
    expect(await signedDigests(outcome)).toEqual(digests);
    expect(outcome.tokens).toHaveLength(1);
    expect(registry.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test.each<[string, string, (digests: readonly Digest[]) => void]>([
    ['IMAGE_NOT_FOUND', 'without one of its manifests', ([, child = '']) => repository().manifests.delete(child)],
    [
      'DIGEST_MISMATCH',
      'with other bytes under a digest',
      ([, child]) => {
        const found = child && repository().manifests.get(child);
        if (found) repository().manifests.set(child, { ...found, bytes: Buffer.from(`${found.bytes} `) });
      },
    ],
  ])('%s: a registry %s', async (code, _name, break_) => {
    const digests = plantImage();
    break_(digests);
    const outcome = await signImage(digests[0]);
    expect(outcome.error).toMatchObject({ code });
    expect(outcome.tokens).toHaveLength(0);
  });

  test.each<[string, Record<string, string>]>([
    ['without a digest', { 'image-digest': '', 'image-name': '' }],
    ['with a layout too', { 'layout-path': 'layout' }],
    ['with a tag in its name', { 'image-name': 'registry.example/acme/app:latest' }],
  ])('%s is refused before anything is asked', async (_name, inputs) => {
    const outcome = await signImage(sha256('x'), inputs);
    expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(outcome.tokens).toHaveLength(0);
    expect(registry.requests).toHaveLength(0);
  });
});

function policy() {
  return {
    issuer: instance.issuer.url,
    workflowPath: `github.com/${WORKFLOW}`,
    signerDigests: [WORKFLOW_SHA],
    repositoryId: '1001',
    ownerId: '2002',
    runnerEnvironment: 'github-hosted' as const,
  };
}

describe('legacy tags', () => {
  const v1 = () => ({ 'rekor-url': instance.sigstore.rekorV1Url, 'rekor-version': '1' });

  interface LegacyManifest {
    readonly config: { readonly mediaType: string };
    readonly layers: readonly { mediaType: string; digest: string; annotations: Record<string, string> }[];
  }

  function legacy(digest: Digest, suffix: string): LegacyManifest {
    return JSON.parse(
      repository()
        .find(`sha256-${digestHex(digest)}.${suffix}`)
        ?.bytes.toString('utf8') ?? 'null',
    );
  }

  test('each manifest gets its .sig, and what is stated about the image stands in .att', async () => {
    const digests = plantImage();
    const outcome = await signImage(digests[0], { ...v1(), ...PREDICATE, legacy: 'true' });
    expect(outcome.error).toBeUndefined();
    expect(outcome.tokens).toHaveLength(1);
    for (const digest of digests) {
      const [layer] = legacy(digest, 'sig').layers;
      expect(layer?.mediaType).toBe('application/vnd.dev.cosign.simplesigning.v1+json');
      const payload = JSON.parse(
        repository()
          .blobs.get(layer?.digest ?? '')
          ?.toString('utf8') ?? '{}',
      );
      expect(payload.critical.image).toEqual({ 'docker-manifest-digest': digest });
      expect(Object.keys(layer?.annotations ?? {}).sort()).toEqual([
        'dev.cosignproject.cosign/signature',
        'dev.sigstore.cosign/bundle',
        'dev.sigstore.cosign/certificate',
        'dev.sigstore.cosign/rfc3161timestamp',
      ]);
    }
    const [attestation] = legacy(digests[0], 'att').layers;
    expect(attestation?.annotations.predicateType).toBe('https://example.com/p/v1');
    const envelope = JSON.parse(
      repository()
        .blobs.get(attestation?.digest ?? '')
        ?.toString('utf8') ?? '{}',
    );
    expect(envelope.payloadType).toBe('application/vnd.in-toto+json');
    expect(repository().tags.has(`sha256-${digestHex(digests[1] ?? digests[0])}.att`)).toBe(false);
  });

  test('what verify reads there verifies as what was signed', async () => {
    const [digest] = plantImage();
    await signImage(digest, { ...v1(), ...PREDICATE, legacy: 'true' });
    const client = new RegistryClient({ registry: parseRegistryHost(host()) });
    const found = await fetchLegacy(client.repository(parseRepositoryName('acme/app')), digest, new BundleBudget());
    client.close();
    expect(found).toHaveLength(2);
    const trustedRoot = parseTrustedRoot(instance.sigstore.trustedRoot);
    for (const { text, payload } of found) {
      const about =
        payload === undefined
          ? { artifactDigest: digest }
          : { artifactDigest: sha256(payload), artifactBytes: payload };
      expect(verifyBundle({ bundle: text, trustedRoot, policy: policy(), ...about }).transparency).toBe('logged');
      if (payload !== undefined) expect(parseSimpleSigning(payload)).toBe(digest);
    }
  });

  test('without image signatures what is stated about the image stands in .att all the same', async () => {
    const [digest] = plantImage();
    const outcome = await signImage(digest, { ...PREDICATE, legacy: 'true', 'image-signature': 'false' });
    expect(outcome.error).toBeUndefined();
    expect(legacy(digest, 'sig')).toBeNull();
    expect(legacy(digest, 'att').layers[0]?.annotations.predicateType).toBe('https://example.com/p/v1');
  });

  test('an entry of Rekor v2 has no place in it; what others signed stays', async () => {
    const digest = plantImage()[0];
    await signImage(digest, { legacy: 'true' });
    await signImage(digest, { legacy: 'true' });
    const { layers } = legacy(digest, 'sig');
    expect(layers).toHaveLength(2);
    expect(layers[0]?.annotations).not.toHaveProperty(['dev.sigstore.cosign/bundle']);
    expect(layers[0]?.annotations).toHaveProperty(['dev.sigstore.cosign/rfc3161timestamp']);
  });

  test('credentials of the repository go before those of its host', async () => {
    await registry.close();
    registry = await startRegistry({ auth: 'basic' });
    const [digest] = plantImage();
    const auth = ({ username, password }: { username: string; password: string }) => ({
      auth: Buffer.from(`${username}:${password}`).toString('base64'),
    });
    const another = auth({ username: 'another', password: 'secret' });
    const config = (exact: string) =>
      JSON.stringify({ auths: { [registry.host]: another, [exact]: auth(registry.credentials) } });
    const signWith = (text: string) =>
      sign(instance, {
        files: { 'workspace/p.json': '{}', 'temp/config.json': text },
        inputs: {
          ...{ 'image-name': `${registry.host}/acme/app`, 'image-digest': digest, 'image-remote': 'true' },
          ...{ legacy: 'true', 'registry-config': 'TEMP/config.json' },
        },
      });
    expect((await signWith(config(`${registry.host}/acme/app`))).error).toBeUndefined();
    expect((await signWith(config(`${registry.host}/acme/other`))).error).toMatchObject({
      code: expect.stringMatching(/^(UNAUTHORIZED|DENIED|REGISTRY_\w+|AUTH_\w+)/),
    });
  });

  test('a registry that takes no pushes: a clear error, and nothing under the tag', async () => {
    const digest = plantImage()[0];
    await registry.close();
    registry = await startRegistry({ auth: 'basic', anonymousPull: true });
    const again = plantImage();
    expect(again[0]).toBe(digest);
    const outcome = await signImage(digest, { legacy: 'true' });
    expect(outcome.error).toMatchObject({
      code: expect.stringMatching(/^(UNAUTHORIZED|DENIED|REGISTRY_\w+|AUTH_\w+)/),
    });
    expect(legacy(digest, 'sig')).toBeNull();
  });
});
