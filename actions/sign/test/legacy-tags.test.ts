import { afterEach, describe, expect, test } from '@jest/globals';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import type { LegacyLayer } from '../src/legacy-layers.js';
import { RemoteImage } from '../src/remote-image.js';

const SUBJECT = sha256('an image');
const TAG = `sha256-${digestHex(SUBJECT)}.sig`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

let registry: RegistryDouble;
let http: HttpClient;
afterEach(async () => {
  http.close();
  await registry.close();
});

async function open(options: RegistryOptions = {}): Promise<RemoteImage> {
  registry = await startRegistry(options);
  http = new HttpClient();
  return await writer();
}

function writer(): Promise<RemoteImage> {
  return RemoteImage.open({
    ...{ http, name: `${registry.host}/acme/app`, push: true },
    ...{ registryConfig: undefined, tokenHosts: [], plainHttp: false },
  });
}

function layer(name: string): LegacyLayer {
  const bytes = Buffer.from(name);
  return { suffix: 'sig', mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', bytes, annotations: { name } };
}

const repository = () => registry.store.repository('acme/app');

function names(): readonly string[] {
  const { layers } = JSON.parse(repository().find(TAG)?.bytes.toString('utf8') ?? '{"layers":[]}');
  return layers.map(({ annotations }: { annotations: { name: string } }) => annotations.name).sort();
}

/** Something under the tag that no signer wrote. */
function plant(mediaType: string, document: object): Digest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  const digest = sha256(bytes);
  const nothing = { subject: undefined, artifactType: undefined, annotations: undefined };
  repository().manifests.set(digest, { digest, mediaType, bytes, ...nothing });
  repository().tags.set(TAG, digest);
  return digest;
}

describe('the tag of older verifiers', () => {
  test.each<[string, string, object]>([
    ['an index', INDEX, { manifests: [] }],
    [
      'an image that somebody runs',
      MANIFEST,
      {
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256('{}'), size: 2 },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256('layer'), size: 5 }],
      },
    ],
  ])('that names %s stays as it is', async (_what, mediaType, document) => {
    const image = await open();
    const planted = plant(mediaType, document);
    await expect(image.addLegacy(SUBJECT, 'sig', [layer('a')])).rejects.toMatchObject({ code: 'LEGACY_NOT_PUSHED' });
    expect(repository().tags.get(TAG)).toBe(planted);
  });

  test.each<[string, boolean]>([
    ['holds to conditional requests', true],
    ['ignores conditional requests', false],
  ])('keeps every signature of writers at the same time in a registry that %s', async (_what, conditionalPut) => {
    await open({ conditionalPut });
    const all = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(all.map(async (name) => (await writer()).addLegacy(SUBJECT, 'sig', [layer(name)])));
    expect(names()).toEqual(all);
  });

  test('gets nothing twice, and keeps what is there', async () => {
    const image = await open();
    await image.addLegacy(SUBJECT, 'sig', [layer('a')]);
    await image.addLegacy(SUBJECT, 'sig', [layer('b'), layer('a')]);
    expect(names()).toEqual(['a', 'b']);
  });
});
