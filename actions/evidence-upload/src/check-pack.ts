import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex, sha256File } from '@paved/digest';
import { literal, object, readJsonFile, string } from '@paved/json';
import { EvidenceError } from './error.js';
import { type EvidenceManifest, MANIFEST_NAME, readManifest } from './evidence-manifest.js';
import { listFiles } from './list-files.js';

/** A pack whose files, digests and signatures belong together. */
export interface CheckedPack {
  readonly manifest: EvidenceManifest;
  readonly manifestDigest: Digest;
  /** Every file of the folder with its digest, signatures included; sorted by path. */
  readonly files: readonly { readonly path: string; readonly sha256: Digest }[];
}

const bundle = object({
  messageSignature: object({
    messageDigest: object({ algorithm: literal('SHA2_256'), digest: string }),
    signature: string,
  }),
});
type Signature = ReturnType<typeof bundle>['messageSignature'];
const MAX_SIGNATURE_BYTES = 1024 * 1024;

/**
 * Compares the folder with its manifest: nothing missing, nothing extra, every digest right, and beside each file a signature
 * bundle over exactly its bytes. Whose signature it is, `verify` says.
 * @throws {EvidenceError} `PACK_FILE_MISSING`, `PACK_FILE_UNEXPECTED`, `PACK_DIGEST_MISMATCH`, `SIGNATURE_MISSING`,
 *   `SIGNATURE_MISMATCH`
 */
export async function checkPack(folder: string, requireSignatures: boolean): Promise<CheckedPack> {
  const manifest = await readManifest(join(folder, MANIFEST_NAME));
  const present = new Set((await listFiles(folder)).map(({ name }) => name));
  const manifestDigest = await sha256File(join(folder, MANIFEST_NAME));
  const content = [...manifest.files, { path: MANIFEST_NAME, sha256: manifestDigest, size: undefined }];
  const known = new Map<string, Digest>();
  for (const file of content) {
    await assertFile(folder, present, file);
    known.set(file.path, file.sha256);
    for (const path of await signaturesOf(folder, present, file, requireSignatures)) {
      known.set(path, await sha256File(join(folder, path)));
    }
  }
  const extra = [...present].find((path) => !known.has(path));
  if (extra !== undefined) {
    throw new EvidenceError('PACK_FILE_UNEXPECTED', `Cannot accept the pack: "${extra}" is not in its manifest`, {
      hint: 'Assemble the pack again, and hand it over without changes',
    });
  }
  const files = [...known].map(([path, sha256]) => ({ path, sha256 })).sort((a, b) => (a.path < b.path ? -1 : 1));
  return { manifest, manifestDigest, files };
}

interface Expected {
  readonly path: string;
  readonly sha256: Digest;
  readonly size: number | undefined;
}

async function assertFile(folder: string, present: ReadonlySet<string>, file: Expected): Promise<void> {
  if (!present.has(file.path)) {
    throw new EvidenceError('PACK_FILE_MISSING', `Cannot accept the pack: "${file.path}" is missing`, {
      hint: 'Assemble the pack again, and hand it over without changes',
    });
  }
  const path = join(folder, file.path);
  const sameSize = file.size === undefined || (await stat(path)).size === file.size;
  if (!sameSize || (await sha256File(path)) !== file.sha256) {
    throw new EvidenceError(
      'PACK_DIGEST_MISMATCH',
      `Cannot accept the pack: "${file.path}" is not what its manifest says`,
      { hint: 'Assemble the pack again, and hand it over without changes' },
    );
  }
}

async function signaturesOf(
  folder: string,
  present: ReadonlySet<string>,
  file: Expected,
  required: boolean,
): Promise<readonly string[]> {
  const names = [`${file.path}.sig`, `${file.path}.sigstore.json`];
  const found = names.filter((name) => present.has(name));
  if (found.length === 0 && !required) return [];
  const missing = names.find((name) => !present.has(name));
  if (missing !== undefined) {
    throw new EvidenceError('SIGNATURE_MISSING', `Cannot accept the pack: "${missing}" is missing`, {
      hint: 'Sign the files of the pack (input blobs of sign) between mode: pack and mode: upload',
    });
  }
  await assertSignature(folder, file);
  return names;
}

async function assertSignature(folder: string, file: Expected): Promise<void> {
  const beside = join(folder, `${file.path}.sig`);
  const small = (await stat(beside)).size <= MAX_SIGNATURE_BYTES;
  const text = small ? (await readFile(beside, 'utf8')).trim() : '';
  const { messageDigest, signature } = await readBundle(folder, file.path);
  const signed = Buffer.from(messageDigest.digest, 'base64').toString('hex');
  // One signature in two forms: whoever checks the one must not be told something else by the other.
  if (text === '' || text !== signature || signed !== digestHex(file.sha256)) {
    throw new EvidenceError(
      'SIGNATURE_MISMATCH',
      `Cannot accept the pack: the signature beside "${file.path}" is of other bytes`,
      { hint: 'Sign the files of this pack, and assemble it with these signatures' },
    );
  }
}

async function readBundle(folder: string, path: string): Promise<Signature> {
  try {
    return (await readJsonFile(join(folder, `${path}.sigstore.json`), bundle, MAX_SIGNATURE_BYTES)).messageSignature;
  } catch (cause) {
    throw new EvidenceError('SIGNATURE_MISMATCH', `Cannot read the signature bundle beside "${path}"`, {
      cause,
      hint: 'Sign the pack again, and store it with the bundles that sign wrote',
    });
  }
}
