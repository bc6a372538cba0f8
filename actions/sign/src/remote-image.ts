import type { Digest } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import type { RepositoryClient } from '@paved/oci';
import { SignError } from './error.js';
import type { LegacyLayer } from './legacy-layers.js';
import { addToLegacyTag } from './legacy-tag.js';

export interface RemoteImageOptions {
  readonly http: HttpClient;
  /** `registry/repository`, without tag and digest. */
  readonly name: string;
  readonly registryConfig: string | undefined;
  /** As the input gives them: `host`, or `registry=host`. */
  readonly tokenHosts: readonly string[];
  readonly plainHttp: boolean;
  /** Whether something will be pushed, so that one token covers it. */
  readonly push: boolean;
}

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
      credentials: config === undefined ? undefined : await oci.readRegistryCredentials(config, registry, repository),
      tokenHosts: oci.parseTokenHosts(options.tokenHosts, [registry]).get(registry) ?? [],
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

  /** Adds layers to the tag that older verifiers look for. @throws {SignError} `LEGACY_NOT_PUSHED` */
  async addLegacy(subject: Digest, suffix: LegacyLayer['suffix'], layers: readonly LegacyLayer[]): Promise<void> {
    await addToLegacyTag(await import('@paved/oci'), this.#repository, subject, suffix, layers);
  }
}
