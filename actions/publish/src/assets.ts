import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Digest, sha256 } from '@paved/digest';
import { PublishError } from './error.js';

export interface Asset {
  readonly name: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
}

/** The service turns other characters into dots, and a verifier would then look for a name that is not there. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** @throws {PublishError} `ASSET_NAME_TAKEN` for two files of one name, or a name that the service would change */
export async function readAssets(paths: readonly string[]): Promise<readonly Asset[]> {
  const assets = new Map<string, Asset>();
  for (const path of paths) {
    const name = basename(path);
    if (!NAME.test(name) || assets.has(name)) {
      throw new PublishError(
        'ASSET_NAME_TAKEN',
        `Cannot publish ${JSON.stringify(name)}: it is no asset name, or there twice`,
        {
          hint: 'Give each file a name of its own made of letters, digits, ".", "_" and "-"',
        },
      );
    }
    const bytes = await readFile(path);
    assets.set(name, { name, bytes, digest: sha256(bytes) });
  }
  return [...assets.values()];
}
