import { basename } from 'node:path';
import { digestHex, sha256 } from '@paved/digest';
import { type DocumentUsed, type FirstSeen, firstSeenOf, VERDICT_MEDIA_TYPE } from '@paved/gate';
import { array, literal, object, optional, parseJson, string } from '@paved/json';
import { readRegularFile } from './read-file.js';

const MAX_VERDICT_BYTES = 256 * 1024 * 1024;

const verdict = object({
  mediaType: literal(VERDICT_MEDIA_TYPE),
  findings: array(
    object({
      identity: string,
      id: string,
      aliases: array(string),
      package: optional(object({ purl: string })),
      firstSeen: optional(string),
    }),
  ),
});

/** Since when findings are open, in the word of an earlier verdict. @throws {JsonError} for anything else */
export async function readFirstSeen(
  path: string,
): Promise<{ readonly firstSeen: FirstSeen; readonly documents: readonly DocumentUsed[] }> {
  const bytes = await readRegularFile(path, MAX_VERDICT_BYTES);
  const name = basename(path);
  const { findings } = parseJson(`the earlier verdict "${name}"`, bytes.toString('utf8'), verdict);
  return {
    firstSeen: firstSeenOf(findings),
    documents: [{ kind: 'verdict', name, sha256: digestHex(sha256(bytes)) }],
  };
}
