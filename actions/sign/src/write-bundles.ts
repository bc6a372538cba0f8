import { access, link, mkdir, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUNDLES_MEDIA_TYPE } from '@paved/attestation';
import { type Digest, sha256 } from '@paved/digest';
import type { SignedBundle, SigningCertificate } from '@paved/sigstore';
import { SignError } from './error.js';

/** One signature with what it is about. */
export interface SignedItem {
  readonly content: 'dsse' | 'message';
  readonly slot: string;
  readonly predicateType?: string;
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly bundle: SignedBundle;
  /** The file that a message signature is about; its signature goes beside it too. */
  readonly blobPath?: string;
}

export interface WrittenBundle {
  readonly path: string;
  readonly item: SignedItem;
}

const SIDECARS = ['.sigstore.json', '.sig'] as const;

/** @throws {SignError} `BLOB_ALREADY_SIGNED` before anything is signed: a signature is never replaced in silence */
export async function assertUnsigned(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (SIDECARS.some((suffix) => path.endsWith(suffix))) throw signedAlready(path, 'it is a signature itself');
    for (const suffix of SIDECARS) {
      const present = await access(`${path}${suffix}`).then(
        () => true,
        () => false,
      );
      if (present) throw signedAlready(path, `"${path}${suffix}" is there already`);
    }
  }
}

/**
 * Writes all bundles and the index into `<folder>/bundles`, and the signatures of files beside them. All appear or none: the
 * folder is filled under another name, and side files are linked into place only when everything else is on disk.
 * @returns the folder
 */
export async function writeBundles(
  folder: string,
  items: readonly SignedItem[],
  certificate: SigningCertificate,
): Promise<{ readonly path: string; readonly bundles: readonly WrittenBundle[] }> {
  const staging = join(folder, 'staging');
  await mkdir(staging, { mode: 0o700 });
  const bundles = nameBundles(items);
  for (const { path, item } of bundles) await writeFile(join(staging, path), item.bundle.json, { flag: 'wx' });
  await writeFile(join(staging, 'index.json'), indexText(bundles, certificate), { flag: 'wx' });
  await writeSidecars(items);
  const path = join(folder, 'bundles');
  await rename(staging, path);
  return { path, bundles };
}

function nameBundles(items: readonly SignedItem[]): readonly WrittenBundle[] {
  const counts = new Map<string, number>();
  return items.map((item) => {
    const count = (counts.get(item.slot) ?? 0) + 1;
    counts.set(item.slot, count);
    return { path: `${item.slot}${count === 1 ? '' : `-${count}`}.sigstore.json`, item };
  });
}

function indexText(bundles: readonly WrittenBundle[], certificate: SigningCertificate): string {
  const logged = bundles.every(({ item }) => item.bundle.transparency === 'logged');
  const index = {
    mediaType: BUNDLES_MEDIA_TYPE,
    bundles: bundles.map(({ path, item }) => ({
      path,
      content: item.content,
      slot: item.slot,
      ...(item.predicateType === undefined ? {} : { predicateType: item.predicateType }),
      subjects: item.subjects,
      transparency: item.bundle.transparency,
      sha256: sha256(item.bundle.json),
    })),
    signer: {
      identity: certificate.san,
      issuer: certificate.extensions.issuer,
      notAfter: certificate.notAfter.toISOString(),
    },
    transparency: logged ? 'logged' : 'timestamp-only',
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}

async function writeSidecars(items: readonly SignedItem[]): Promise<void> {
  const files = items.flatMap(({ blobPath, bundle }) => {
    if (blobPath === undefined) return [];
    const texts = { '.sigstore.json': bundle.json, '.sig': `${bundle.signature.toString('base64')}\n` };
    return SIDECARS.map((suffix) => ({ path: `${blobPath}${suffix}`, text: texts[suffix] }));
  });
  const placed: string[] = [];
  try {
    for (const { path, text } of files) {
      await place(path, text);
      placed.push(path);
    }
  } catch (error) {
    await Promise.allSettled(placed.map((path) => unlink(path)));
    throw error;
  }
}

/** `link` fails where a file is there, which `rename` would replace. */
async function place(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.paved-sign-${process.pid}-${sha256(path).slice(-16)}`);
  await writeFile(temporary, text, { flag: 'wx' });
  try {
    await link(temporary, path);
  } finally {
    await unlink(temporary);
  }
}

function signedAlready(path: string, state: string): SignError {
  return new SignError('BLOB_ALREADY_SIGNED', `Cannot sign "${path}": ${state}`, {
    hint: 'Remove earlier signatures, or leave them out of the pattern of blobs',
  });
}
