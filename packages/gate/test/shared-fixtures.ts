import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from '@jest/globals';

const SHARED = join(process.cwd(), '..', 'shared', 'fixtures');

/** The large sets lie beside the repository; where they are not, their tests say that they were skipped. */
export const haveShared = existsSync(SHARED);
export const sharedTest: typeof test.skip = haveShared ? test : test.skip;

/** Bytes of a shared file, unpacked where it is kept packed. */
export function shared(path: string): Buffer {
  const file = join(SHARED, path);
  if (existsSync(file)) return path.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file);
  return gunzipSync(readFileSync(`${file}.gz`));
}

// biome-ignore lint/suspicious/noExplicitAny: each test knows the form of its own expectations
export type Expected = any;

export function expectations(subject: string): Expected {
  return haveShared ? JSON.parse(shared(`${subject}/expected.json`).toString('utf8')) : {};
}

/** One test per entry; a set that is absent is one skipped test with its name. */
export function eachShared<T>(
  name: string,
  entries: Readonly<Record<string, T>>,
  body: (key: string, entry: T) => void | Promise<void>,
): void {
  if (!haveShared) test.skip(`${name}: ../shared/fixtures is absent`, () => undefined);
  for (const [key, entry] of Object.entries(entries)) test(`${name}: ${key}`, () => body(key, entry));
}
