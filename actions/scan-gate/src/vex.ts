import { basename } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import { type DocumentUsed, parseVex, type VexStatement } from '@paved/gate';
import { expandFolders, readRegularFile } from './read-file.js';

const MAX_VEX_BYTES = 16 * 1024 * 1024;

export interface VexDocuments {
  readonly statements: readonly VexStatement[];
  readonly documents: readonly DocumentUsed[];
}

/** Reads VEX documents; whether a statement counts is the policy's word. `serials`: the SBOMs that BOM-Links may point into. */
export async function readVex(paths: readonly string[], serials: readonly string[]): Promise<VexDocuments> {
  const statements: VexStatement[] = [];
  const documents: DocumentUsed[] = [];
  for (const path of await expandFolders(paths)) {
    const name = basename(path);
    const bytes = await readRegularFile(path, MAX_VEX_BYTES);
    statements.push(...parseVex(name, bytes, { serials }).statements);
    documents.push({ kind: 'vex', name, sha256: digestHex(sha256(bytes)) });
  }
  return { statements, documents };
}
