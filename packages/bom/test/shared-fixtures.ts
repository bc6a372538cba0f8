import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';

const SHARED = join(process.cwd(), '..', 'shared', 'fixtures');

/** Whether the large sets lie beside the repository; without them a test says that it skipped them. */
export function hasShared(subject: string): boolean {
  return existsSync(join(SHARED, subject, 'expected.json'));
}

/** Bytes of a file of a large set, unpacked where only `<name>.gz` is there. */
export function sharedFile(subject: string, name: string): Buffer {
  const path = join(SHARED, subject, name);
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}

export function expected<T>(subject: string): T {
  return JSON.parse(readFileSync(join(SHARED, subject, 'expected.json'), 'utf8')) as T;
}

/** Names of all files of a large set, as expected.json has them: without `.gz`, and without what describes the set. */
export function sharedNames(subject: string): readonly string[] {
  const root = join(SHARED, subject);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['SOURCE.md', 'expected.json'].includes(entry.name))
    .map((entry) => posix.normalize(relative(root, join(entry.parentPath, entry.name))).replace(/\.gz$/, ''));
}
