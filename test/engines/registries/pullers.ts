import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';
import { openLayout } from '@paved/oci';
import { runOrThrow } from '../program.js';
import type { RegistriesContext } from './context.js';

export type PullerName = 'crane' | 'oras' | 'skopeo';
export const PULLERS: readonly PullerName[] = ['crane', 'oras', 'skopeo'];

/**
 * Pulls `reference` whole, with all platforms, into an OCI layout, and returns the digest of what came.
 * @throws what the program prints when it refuses
 */
export async function pullWith(context: RegistriesContext, puller: PullerName, reference: string): Promise<Digest> {
  const folder = await mkdtemp(join(context.folder, `${puller}-`));
  const layout = join(folder, 'layout');
  const env = { HOME: folder, DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: join(folder, 'auth.json') };
  switch (puller) {
    case 'crane':
      await runOrThrow(context.engine('crane'), ['pull', '--format=oci', reference, layout], { env });
      break;
    case 'oras': {
      const args = ['copy', '--from-plain-http', '--to-oci-layout', reference, `${layout}:1.0.0`];
      await runOrThrow(context.engine('oras'), args, { env });
      break;
    }
    case 'skopeo': {
      const options = ['--insecure-policy', 'copy', '--all', '--preserve-digests', '--src-tls-verify=false'];
      await runOrThrow(context.skopeo, [...options, `docker://${reference}`, `oci:${layout}:1.0.0`], { env });
      break;
    }
  }
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
  const digest = parseDigest(index.manifests[0]?.digest ?? '');
  // Every byte that the tool wrote down is hashed again.
  await openLayout(layout, { digest });
  return digest;
}

/** Digests of the referrers that `oras discover` finds. */
export async function discoverWithOras(context: RegistriesContext, reference: string): Promise<readonly string[]> {
  const env = { HOME: context.folder, DOCKER_CONFIG: context.folder };
  const args = ['discover', '--plain-http', '--format', 'json', reference];
  const answer = JSON.parse(await runOrThrow(context.engine('oras'), args, { env })) as {
    manifests: { digest: string }[];
  };
  return answer.manifests.map(({ digest }) => digest);
}

/** What `cosign tree` prints about an image. */
export async function treeOfCosign(context: RegistriesContext, reference: string): Promise<string> {
  const env = { HOME: context.folder, DOCKER_CONFIG: context.folder };
  const args = ['tree', '--allow-http-registry', '--allow-insecure-registry', reference];
  return await runOrThrow(context.engine('cosign'), args, { env });
}
