import { parseImageName } from '../buildkit/image-name.js';
import { HermeticBuildError } from '../error.js';
import { registryAddresses } from '../kinds/registries.js';
import type { Inputs } from '../run.js';
import { hostName, isListed, type ListedHost, readHosts } from './host-list.js';

export type NamingInputs = Partial<Pick<Inputs, 'registry-url' | 'registries' | 'buildkit-image' | 'private-hosts'>>;

/**
 * The hosts that the user named, in an input or in the configuration of a package manager: they may be in a private network. What a
 * lock file, a Dockerfile or an index names may not, because a pull request can change it, and the machine can reach more than the
 * author: the metadata of the cloud, services of the job, the network of a self-hosted runner.
 */
export class NamedHosts {
  /** Hosts with port, as addresses have them. */
  readonly #named: Set<string>;
  readonly #listed: readonly ListedHost[];

  /** @throws {HermeticBuildError} `PRIVATE_HOSTS_INVALID`, `REGISTRY_UNKNOWN`, `DOCKERFILE_REFUSED` for an input that names no host */
  constructor(inputs: NamingInputs) {
    const buildkit = inputs['buildkit-image'];
    const addresses = [inputs['registry-url'], ...registryAddresses(inputs).values()];
    this.#named = new Set(addresses.flatMap((url) => url?.host ?? []));
    if (buildkit !== undefined) this.#named.add(new URL(`https://${parseImageName(buildkit).reference.registry}`).host);
    this.#listed = readHosts(inputs['private-hosts'] ?? [], invalid);
  }

  /** Names the host of an address that the configuration of this user has, and returns the address. */
  add(url: URL): URL {
    this.#named.add(url.host);
    return url;
  }

  has(url: URL): boolean {
    if (this.#named.has(url.host)) return true;
    const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port);
    return isListed(this.#listed, hostName(url.hostname.replace(/^\[(.*)\]$/, '$1')), port);
  }
}

function invalid(state: string): HermeticBuildError {
  return new HermeticBuildError('PRIVATE_HOSTS_INVALID', `Cannot use private-hosts: ${state}`, {
    hint: 'Name one host, or host:port, per line in private-hosts, without scheme, path or wildcard',
  });
}
