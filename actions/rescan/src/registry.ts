import { type Reference, RegistryClient, type RepositoryClient, readRegistryCredentials } from '@paved/oci';
import type { ActionContext, InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';

export async function repositoryOf(
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
  inputs: InputsOf<typeof definition>,
  { http }: ActionContext,
): Promise<RepositoryClient> {
  const config = inputs['registry-config'];
  const credentials = config === undefined ? undefined : await readRegistryCredentials(config, registry, repository);
  return new RegistryClient({ registry, http, credentials, plainHttp: inputs['plain-http'] }).repository(repository);
}
