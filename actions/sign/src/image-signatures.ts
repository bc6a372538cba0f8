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

/** The manifests that an index names directly; none for a manifest of one platform. */
export type ReadManifests = (digest: Digest) => Promise<readonly Digest[]>;

/**
 * The image's own digest and those of every manifest below it, so that a platform pulled by itself verifies too; the image's alone
 * where nothing says how to read its index.
 * @throws {SignError} `LAYOUT_MALFORMED` for an index without end, and what `read` throws
 */
export async function imageDigests(
  { image }: ReleasedArtifact,
  read: ReadManifests | undefined,
): Promise<readonly Digest[]> {
  const [root] = image === undefined ? [] : sha256Digests([image]);
  if (root === undefined) return [];
  return [root, ...(read === undefined ? [] : await childrenOf(read, root))];
}

/** The statements that `cosign verify` takes for an image's signature: no name, no predicate (cosign, sign/v1). */
export function imageSignatures(digests: readonly Digest[]): readonly PendingStatement[] {
  return digests.map((digest) => signatureOf({ sha256: digestHex(digest) }));
}

function signatureOf(digest: DigestSet): PendingStatement {
  return pending('signature', {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: '', digest }],
    predicateType: PREDICATE_TYPES.signature,
    predicate: {},
  });
}

async function childrenOf(read: ReadManifests, root: Digest): Promise<readonly Digest[]> {
  const found = new Set<Digest>();
  const pendingDigests = [root];
  for (let next = pendingDigests.shift(); next !== undefined; next = pendingDigests.shift()) {
    for (const child of await read(next)) {
      if (child === root || found.has(child)) continue;
      found.add(child);
      pendingDigests.push(child);
      if (found.size > MAX_MANIFESTS) throw malformed(root, `it names more than ${MAX_MANIFESTS} manifests`);
    }
  }
  return [...found];
}

/** @throws {SignError} `LAYOUT_MALFORMED` when the layout does not hold the manifest, byte for byte */
export function layoutManifests(layoutPath: string): ReadManifests {
  return (digest) => manifestsOf(layoutPath, digest);
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
  return new SignError('LAYOUT_MALFORMED', `Cannot sign manifest ${digest}: ${state}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Pass the layout as the build wrote it, with every blob that its index names',
  });
}
