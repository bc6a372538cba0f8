import { open } from 'node:fs/promises';
import { type Decoder, JsonError } from './decoder.js';

const CURE = 'Give one whole JSON document of the kind that is asked for, and look at what wrote this one';

/** The engine quotes the text around the place, and a document can be a credential. */
function whereOf(cause: unknown): Error {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined;
  return new Error(position === undefined ? 'it breaks off, or another text stands there' : `at position ${position}`);
}

/** @throws {JsonError} `JSON_MALFORMED` naming `what`, or `JSON_UNEXPECTED` from the decoder */
export function parseJson<T>(what: string, text: string, decoder: Decoder<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JsonError('JSON_MALFORMED', `Cannot read ${what}: it is not JSON`, { cause: whereOf(cause), hint: CURE });
  }
  try {
    return decoder(value);
  } catch (cause) {
    if (cause instanceof JsonError) {
      throw new JsonError(cause.code, `Cannot read ${what}: ${cause.message}`, { cause, hint: cause.hint ?? CURE });
    }
    throw cause;
  }
}

/**
 * Reads at most `maxBytes` of a file as JSON.
 * @throws {JsonError} `JSON_TOO_LARGE` before the file is read into memory
 */
export async function readJsonFile<T>(path: string, decoder: Decoder<T>, maxBytes = 16 * 1024 * 1024): Promise<T> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) {
      throw new JsonError('JSON_TOO_LARGE', `Cannot read "${path}": it has ${size} bytes, the limit is ${maxBytes}`, {
        hint: 'Name the right file: nothing of its kind is that large',
      });
    }
    return parseJson(`"${path}"`, await handle.readFile('utf8'), decoder);
  } finally {
    await handle.close();
  }
}
