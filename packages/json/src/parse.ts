import { open } from 'node:fs/promises';
import { type Decoder, JsonError } from './decoder.js';

/** @throws {JsonError} `JSON_MALFORMED` naming `what`, or `JSON_UNEXPECTED` from the decoder */
export function parseJson<T>(what: string, text: string, decoder: Decoder<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JsonError('JSON_MALFORMED', `Cannot parse ${what}: it is not JSON`, { cause });
  }
  try {
    return decoder(value);
  } catch (cause) {
    if (cause instanceof JsonError) throw new JsonError(cause.code, `Cannot read ${what}: ${cause.message}`, { cause });
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
      throw new JsonError('JSON_TOO_LARGE', `Cannot read "${path}": it has ${size} bytes, the limit is ${maxBytes}`);
    }
    return parseJson(`"${path}"`, await handle.readFile('utf8'), decoder);
  } finally {
    await handle.close();
  }
}
