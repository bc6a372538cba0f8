import { RegistryClient, type RegistryHost, readRegistryCredentials } from '@paved/oci';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';

export async function registryOf(
  registry: RegistryHost,
  inputs: InputsOf<typeof definition>,
  { http }: ActionContext,
): Promise<RegistryClient> {
  const config = inputs['registry-config'];
  const credentials = config === undefined ? undefined : await readRegistryCredentials(config, registry);
  return new RegistryClient({ registry, http, credentials, plainHttp: inputs['plain-http'] });
}
