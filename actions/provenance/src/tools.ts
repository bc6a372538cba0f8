import { array, object, optional, parseJson, refine, string } from '@paved/json';
import { ProvenanceError } from './error.js';

/** A locked tool that took part in the build; `sha256` is bare hex of the file that ran. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly platform?: string;
  readonly url?: string;
  readonly sha256: string;
}

const sha256 = refine(string, (text) => {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new ProvenanceError('INPUT_INVALID', 'it is not 64 lower-case hexadecimal digits');
});

const decodeTools = object({
  tools: array(object({ name: string, version: string, platform: optional(string), url: optional(string), sha256 })),
});

/** @throws {ProvenanceError} `INPUT_INVALID` */
export function parseTools(text: string | undefined): readonly Tool[] {
  if (text === undefined) return [];
  try {
    return parseJson('the list of tools', text, decodeTools).tools;
  } catch (cause) {
    throw new ProvenanceError('INPUT_INVALID', 'Cannot read input "tools"', {
      cause,
      hint: 'Pass {"tools": [{"name", "version", "platform", "url", "sha256"}]}',
    });
  }
}
