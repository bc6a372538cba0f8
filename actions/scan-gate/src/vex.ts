import { basename } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import { type DocumentUsed, parseVex, type VexSignature, type VexStatement } from '@paved/gate';
import { expandFolders, readRegularFile } from './read-file.js';
import {
  BUNDLE_SUFFIX,
  isBundle,
  readBundleBeside,
  type VexTrust,
  verifyVexBundle,
  verifyVexFile,
} from './vex-signature.js';

export const MAX_VEX_BYTES = 16 * 1024 * 1024;

export interface VexDocuments {
  readonly statements: readonly VexStatement[];
  readonly documents: readonly DocumentUsed[];
}

/** A document that was read elsewhere, with the bundle that lies beside it. */
export interface VexFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly bundle?: string;
}

interface Content {
  readonly bytes: Uint8Array;
  readonly signature?: VexSignature;
}

/**
 * Reads VEX documents, and verifies their signatures where the policy names signers; whether a statement counts is the gate's word.
 * A document is a file with its bundle beside it, or a bundle that has the statements in it.
 * @param given documents of the policy's own repository
 * @param serials the SBOMs that BOM-Links may point into
 */
export async function readVex(
  paths: readonly string[],
  given: readonly VexFile[],
  serials: readonly string[],
  trust: VexTrust,
): Promise<VexDocuments> {
  const statements: VexStatement[] = [];
  const documents: DocumentUsed[] = [];
  const add = async ({ name, bytes }: VexFile, bundleBeside: () => Promise<string | undefined>) => {
    const { bytes: content, signature } = await contentOf(bytes, bundleBeside, trust);
    const options = { serials, ...(signature === undefined ? {} : { signature }) };
    for (const statement of parseVex(name, content, options).statements) statements.push(statement);
    documents.push({ kind: 'vex', name, sha256: digestHex(sha256(bytes)) });
  };
  const files = await expandFolders(paths);
  for (const path of files) {
    // A signature is read with what it signs.
    if (files.includes(path.slice(0, -BUNDLE_SUFFIX.length)) && path.endsWith(BUNDLE_SUFFIX)) continue;
    const bytes = await readRegularFile(path, MAX_VEX_BYTES);
    await add({ name: basename(path), bytes }, () => readBundleBeside(path));
  }
  for (const file of given) await add(file, async () => file.bundle);
  return { statements, documents };
}

async function contentOf(
  bytes: Buffer,
  bundleBeside: () => Promise<string | undefined>,
  trust: VexTrust,
): Promise<Content> {
  if (isBundle(bytes)) return await verifyVexBundle(bytes.toString('utf8'), trust);
  if (trust.signers.length === 0) return { bytes };
  const bundle = await bundleBeside();
  return bundle === undefined ? { bytes } : { bytes, signature: await verifyVexFile(bytes, bundle, trust) };
}
