import { type Digest, digestHex } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import type { Descriptor, RepositoryClient } from '@paved/oci';
import { SignError } from './error.js';
import type { LegacyLayer } from './legacy-layers.js';

export interface RemoteImageOptions {
  readonly http: HttpClient;
  /** `registry/repository`, without tag and digest. */
  readonly name: string;
  readonly registryConfig: string | undefined;
  readonly tokenHosts: readonly string[];
  readonly plainHttp: boolean;
  /** Whether something will be pushed, so that one token covers it. */
  readonly push: boolean;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
/** Another signer may write the same tag at the same time. */
const ATTEMPTS = 4;

/** The image that is signed, where it is. The package of registries is loaded here, because the road signs before anything is pushed. */
export class RemoteImage {
  readonly #repository: RepositoryClient;

  constructor(repository: RepositoryClient) {
    this.#repository = repository;
  }

  static async open(options: RemoteImageOptions): Promise<RemoteImage> {
    const oci = await import('@paved/oci');
    const reference = oci.parseReference(options.name);
    if (reference.tag !== undefined || reference.digest !== undefined) {
      throw new SignError('INPUT_INVALID', `Cannot sign "${options.name}": image-name has a tag or a digest`, {
        hint: 'Put the digest into image-digest, and leave the tag out',
      });
    }
    const { registry, repository } = reference;
    const config = options.registryConfig;
    const client = new oci.RegistryClient({
      ...{ registry, http: options.http, plainHttp: options.plainHttp },
      credentials: config === undefined ? undefined : await oci.readRegistryCredentials(config, registry),
      tokenHosts: options.tokenHosts.map(oci.parseRegistryHost),
    });
    return new RemoteImage(client.repository(repository, options.push ? 'push' : 'pull'));
  }

  /**
   * The manifests below one, as the registry has them; their bytes have been held to the digest.
   * @throws {SignError} `IMAGE_NOT_FOUND`: whoever has it elsewhere could sign for it
   */
  async manifests(digest: Digest): Promise<readonly Digest[]> {
    const found = await this.#repository.pullManifest(digest);
    if (found === undefined) {
      throw new SignError('IMAGE_NOT_FOUND', `Cannot sign manifest ${digest}: the registry does not have it`, {
        hint: 'Push the image first, or leave out image-remote',
      });
    }
    return found.manifest.kind === 'index' ? found.manifest.manifests.map((child) => child.digest) : [];
  }

  /**
   * Adds layers to what older verifiers look for, the tag `sha256-<hex>.sig` or `.att`; what is there already stays.
   * @throws {SignError} `LEGACY_NOT_PUSHED` when the tag changes faster than it can be read
   */
  async addLegacy(subject: Digest, suffix: LegacyLayer['suffix'], layers: readonly LegacyLayer[]): Promise<void> {
    const oci = await import('@paved/oci');
    const tag = oci.parseTag(`sha256-${digestHex(subject)}.${suffix}`);
    const added = layers.map(({ mediaType, bytes, annotations }) => ({
      ...oci.describeBytes(mediaType, bytes),
      annotations,
    }));
    await Promise.all(
      layers.map(({ bytes }, index) => this.#repository.pushBlob(oci.bytesSource(added[index] as Descriptor, bytes))),
    );
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.#repository.pullManifest(tag);
      const known = found?.manifest.kind === 'image' ? found.manifest.layers : [];
      const all = [...known, ...added];
      const config = Buffer.from(JSON.stringify(configOf(all)));
      const described = oci.describeBytes(CONFIG, config);
      await this.#repository.pushBlob(oci.bytesSource(described, config));
      const document = { schemaVersion: 2, mediaType: MANIFEST, config: described, layers: all };
      const manifest = oci.parseManifest(Buffer.from(JSON.stringify(document)), MANIFEST);
      await this.#repository.pushManifest(manifest, { tag, ifMatch: found === undefined ? 'absent' : found.etag });
      // Few registries know conditional requests: what the tag names now is what counts.
      if ((await this.#repository.pullManifest(tag))?.manifest.digest === manifest.digest) return;
    }
    throw new SignError('LEGACY_NOT_PUSHED', `Cannot keep ${tag}: something else writes it at the same time`, {
      hint: 'Sign one image by one job at a time',
    });
  }
}

/** An image config whose layers are the layers, as cosign writes it; nobody runs it. */
function configOf(layers: readonly Descriptor[]): unknown {
  return {
    architecture: '',
    os: '',
    created: '0001-01-01T00:00:00Z',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
}
