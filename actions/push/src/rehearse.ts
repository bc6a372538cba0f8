import {
  type Content,
  type Descriptor,
  type Manifest,
  manifestDescriptor,
  openLayout,
  type PlannedTag,
  writeLayout,
} from '@paved/oci';
import type { Evidence } from './evidence.js';

const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * Writes what a registry would hold after the push (content, referrers, tags) into a new OCI layout, and reads all of it back: limits
 * and structure are those that every reader of a registry has here, and nothing leaves this machine.
 * @param folder must not exist
 * @throws {OciError} what a reader would refuse
 */
export async function rehearsePush(
  folder: string,
  content: Content,
  { referrers, nested }: Evidence,
  plan: readonly PlannedTag[],
): Promise<void> {
  const attached = [...referrers, ...nested.flat()];
  const manifests = unique([...content.manifests, ...attached.map(({ manifest }) => manifest)]);
  const blobs = [...content.blobs, ...attached.flatMap((one) => one.blobs)];
  await writeLayout(folder, { manifests, blobs }, descriptorsOf(manifests, plan));
  for (const { digest } of manifests) await openLayout(folder, { digest });
}

function unique(manifests: readonly Manifest[]): readonly Manifest[] {
  return [...new Map(manifests.map((manifest) => [manifest.digest, manifest])).values()];
}

function descriptorsOf(manifests: readonly Manifest[], plan: readonly PlannedTag[]): readonly Descriptor[] {
  const tagged = plan.map(({ tag, manifest }) => ({
    ...manifestDescriptor(manifest),
    annotations: { [REF_NAME]: tag },
  }));
  const named = new Set(plan.map(({ manifest }) => manifest.digest));
  return [...tagged, ...manifests.filter(({ digest }) => !named.has(digest)).map(manifestDescriptor)];
}
