import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJson, record, unknown } from '@paved/json';
import { readRegularFile } from './read-file.js';

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const RECORD_FILE = 'build-record.json';
/** What hermetic-build found in the image that it made. */
const IMAGE_RULES_FILE = 'image-rules.sarif';

/** What the machine that ran user code says about the build; nobody else vouches for it. */
export interface Build {
  readonly record: unknown;
  /** Reports that the build wrote beside its record. */
  readonly reports: readonly string[];
}

/** Reads build-record.json, or the folder that has it. @throws {ScanGateError} `FILE_UNREADABLE` */
export async function readBuild(path: string): Promise<Build> {
  const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(path, RECORD_FILE) : path;
  const text = (await readRegularFile(file, MAX_RECORD_BYTES)).toString('utf8');
  const rules = join(dirname(file), IMAGE_RULES_FILE);
  const hasRules = (await lstat(rules).catch(() => undefined)) !== undefined;
  return { record: parseJson(`"${RECORD_FILE}"`, text, record(unknown)), reports: hasRules ? [rules] : [] };
}
