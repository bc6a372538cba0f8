import { join } from 'node:path';
import { type DigestSet, PREDICATE_TYPES } from '@paved/attestation';
import { type Digest, digestHex, parseDigest, sha256 } from '@paved/digest';
import { array, object, optional, parseJson, string } from '@paved/json';
import { SignError } from './error.js';
import { readRegularFile } from './read-file.js';
import { type PendingStatement, pending } from './statements.js';
import { type ReleasedArtifact, sha256Digests } from './subjects.js';

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** An index with more platforms than this is none. */
const MAX_MANIFESTS = 1000;

const index = object({ manifests: optional(array(object({ digest: string }))) });

/**
 * The statements that `cosign verify` takes for an image's signature: no name, no predicate (cosign, sign/v1). With a layout, every
 * manifest of the index gets its own, so that a platform pulled by itself verifies too.
 * @throws {SignError} `LAYOUT_MALFORMED` when the layout does not hold the manifest, byte for byte
 */
export async function imageSignatures(
  artifact: ReleasedArtifact,
  layoutPath: string | undefined,
): Promise<readonly PendingStatement[]> {
  if (artifact.image === undefined) return [];
  const { digest } = artifact.image;
  const [root] = sha256Digests([artifact.image]);
  const children = layoutPath === undefined || root === undefined ? [] : await childrenOf(layoutPath, root);
  return [digest, ...children.map((child) => ({ sha256: digestHex(child) }))].map(signatureOf);
}

function signatureOf(digest: DigestSet): PendingStatement {
  return pending('signature', {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: '', digest }],
    predicateType: PREDICATE_TYPES.signature,
    predicate: {},
  });
}

async function childrenOf(layoutPath: string, root: Digest): Promise<readonly Digest[]> {
  const found = new Set<Digest>();
  const pendingDigests = [root];
  for (let next = pendingDigests.shift(); next !== undefined; next = pendingDigests.shift()) {
    for (const child of await manifestsOf(layoutPath, next)) {
      if (child === root || found.has(child)) continue;
      found.add(child);
      pendingDigests.push(child);
      if (found.size > MAX_MANIFESTS) throw malformed(root, `it names more than ${MAX_MANIFESTS} manifests`);
    }
  }
  return [...found];
}

async function manifestsOf(layoutPath: string, digest: Digest): Promise<readonly Digest[]> {
  const path = join(layoutPath, 'blobs', 'sha256', digestHex(digest));
  const bytes = await readRegularFile(path, MAX_MANIFEST_BYTES);
  if (sha256(bytes) !== digest) throw malformed(digest, 'its bytes have another digest');
  try {
    return (parseJson('the manifest', bytes.toString('utf8'), index).manifests ?? []).map((entry) =>
      parseDigest(entry.digest),
    );
  } catch (cause) {
    throw malformed(digest, 'it is no manifest', cause);
  }
}

function malformed(digest: Digest, state: string, cause?: unknown): SignError {
  return new SignError('LAYOUT_MALFORMED', `Cannot sign manifest ${digest} of the layout: ${state}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
