import { isPrivateAddress } from '@paved/http';
import type { RegistryHost } from '@paved/oci';
import { LoginError } from './error.js';

/**
 * The token of the job may do everything that the job may; it goes to the registry of this GitHub server and to no other.
 * @throws {LoginError} `REGISTRY_NOT_OF_SERVER`
 */
export function assertRegistryOfServer(registry: RegistryHost, serverUrl: string): void {
  const server = new URL(serverUrl).hostname;
  const host = new URL(`https://${registry}`).hostname;
  const onGitHub = server === 'github.com' && host === 'ghcr.io' && registry === 'ghcr.io';
  const onOwnServer = server !== 'github.com' && (host === server || host.endsWith(`.${server}`));
  const onThisMachine = isPrivateAddress(server) && host === server;
  if (onGitHub || onOwnServer || onThisMachine) return;
  throw new LoginError(
    'REGISTRY_NOT_OF_SERVER',
    `Cannot send the token of the job to ${registry}: it is not of ${server}`,
    {
      hint: 'Use method token-exchange for registries of others',
    },
  );
}
