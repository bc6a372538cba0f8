import { access, link, mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BUNDLES_MEDIA_TYPE } from '@paved/attestation';
import { type Digest, sha256 } from '@paved/digest';
import type { SignedBundle, SigningCertificate } from '@paved/sigstore';
import { checksumsText } from './checksums.js';
import { SignError } from './error.js';
import { leastTransparency } from './summarise.js';

/** One signature with what it is about. */
export interface SignedItem {
  readonly content: 'dsse' | 'message';
  readonly slot: string;
  readonly predicateType?: string;
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly bundle: SignedBundle;
  /** The file that the signature is about; the bundle goes beside it too. */
  readonly blobPath?: string;
}

export interface WrittenBundle {
  readonly path: string;
  readonly item: SignedItem;
}

const SIDECARS = ['.sigstore.json', '.sig'] as const;

/** Who signed, for the index and the files beside it. */
export interface SignerFacts {
  readonly certificate?: SigningCertificate;
  readonly publicKey?: string;
  /** Whether the certificate goes beside each file, for verifiers that know no bundles. */
  readonly legacy: boolean;
}

export interface WrittenBundles {
  readonly path: string;
  readonly bundles: readonly WrittenBundle[];
  readonly checksumsPath: string;
  readonly publicKeyPath: string;
}

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
  signer: SignerFacts,
): Promise<WrittenBundles> {
  try {
    return await writeAll(folder, items, signer);
  } catch (cause) {
    await rm(join(folder, 'staging'), { recursive: true, force: true });
    if (cause instanceof SignError) throw cause;
    throw new SignError('WRITE_FAILED', `Cannot write the bundles to "${folder}": nothing of them was kept`, {
      cause,
      hint: 'Check that the disk has room and that the folders can be written',
    });
  }
}

async function writeAll(folder: string, items: readonly SignedItem[], signer: SignerFacts): Promise<WrittenBundles> {
  const staging = join(folder, 'staging');
  await mkdir(staging, { mode: 0o700 });
  const bundles = nameBundles(items);
  for (const { path, item } of bundles) await writeFile(join(staging, path), item.bundle.parts(), { flag: 'wx' });
  await writeFile(join(staging, 'index.json'), indexText(bundles, signer), { flag: 'wx' });
  const named = items.flatMap(({ subjects }) => subjects).filter(({ name }) => name !== '');
  await writeFile(join(staging, 'SHA256SUMS'), checksumsText(named), { flag: 'wx' });
  if (signer.publicKey !== undefined) await writeFile(join(staging, 'key.pub'), signer.publicKey, { flag: 'wx' });
  const path = join(folder, 'bundles');
  const placed = await writeSidecars(items, signer.legacy);
  try {
    await rename(staging, path);
  } catch (error) {
    await Promise.allSettled(placed.map((file) => unlink(file)));
    throw error;
  }
  const publicKeyPath = signer.publicKey === undefined ? '' : join(path, 'key.pub');
  return { path, bundles, checksumsPath: join(path, 'SHA256SUMS'), publicKeyPath };
}

function nameBundles(items: readonly SignedItem[]): readonly WrittenBundle[] {
  const counts = new Map<string, number>();
  return items.map((item) => {
    const count = (counts.get(item.slot) ?? 0) + 1;
    counts.set(item.slot, count);
    return { path: `${item.slot}${count === 1 ? '' : `-${count}`}.sigstore.json`, item };
  });
}

function indexText(bundles: readonly WrittenBundle[], { certificate, publicKey }: SignerFacts): string {
  const items = bundles.map(({ item }) => item);
  const index = {
    mediaType: BUNDLES_MEDIA_TYPE,
    bundles: bundles.map(({ path, item }) => ({
      path,
      content: item.content,
      slot: item.slot,
      ...(item.predicateType === undefined ? {} : { predicateType: item.predicateType }),
      subjects: item.subjects,
      transparency: item.bundle.transparency,
      sha256: item.bundle.sha256,
    })),
    signer:
      certificate === undefined
        ? { publicKey }
        : {
            identity: certificate.san,
            issuer: certificate.extensions.issuer,
            notAfter: certificate.notAfter.toISOString(),
          },
    transparency: leastTransparency(items),
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}

async function writeSidecars(items: readonly SignedItem[], legacy: boolean): Promise<readonly string[]> {
  const files = items.flatMap(({ blobPath, bundle, content }) => {
    if (blobPath === undefined) return [];
    const texts = {
      '.sigstore.json': bundle.parts(),
      // The signature of an envelope is not over the file, and no use to who knows files alone.
      ...(content === 'dsse' ? {} : { '.sig': `${bundle.signature.toString('base64')}\n` }),
      ...(legacy && bundle.certificate !== undefined ? { '.pem': bundle.certificate } : {}),
    };
    return Object.entries(texts).map(([suffix, text]) => ({ path: `${blobPath}${suffix}`, text }));
  });
  const placed: string[] = [];
  try {
    for (const { path, text } of files) {
      await place(path, text);
      placed.push(path);
    }
    return placed;
  } catch (error) {
    await Promise.allSettled(placed.map((path) => unlink(path)));
    throw error;
  }
}

/** `link` fails where a file is there, which `rename` would replace. */
async function place(path: string, text: string | Iterable<string>): Promise<void> {
  const temporary = join(dirname(path), `.paved-sign-${process.pid}-${sha256(path).slice(-16)}`);
  try {
    await writeFile(temporary, text, { flag: 'wx' });
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

function signedAlready(path: string, state: string): SignError {
  return new SignError('BLOB_ALREADY_SIGNED', `Cannot sign "${path}": ${state}`, {
    hint: 'Remove earlier signatures, or leave them out of the pattern of blobs',
  });
}
