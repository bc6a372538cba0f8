import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MAX_REPORT_BYTES, parseReport } from '@paved/gate';
import { parseJson, record, unknown } from '@paved/json';
import { ScanGateError } from './error.js';
import { readRegularFile } from './read-file.js';

const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const RECORD_FILE = 'build-record.json';
/** What hermetic-build found in the image that it made. */
const IMAGE_RULES_FILE = 'image-rules.sarif';
const IMAGE_RULES_TOOL = 'paved-image-rules';
const RULE = /^image-[a-z-]{1,60}$/;

/** What the machine that ran user code says about the build; nobody else vouches for it. */
export interface Build {
  readonly record: unknown;
  /** Reports that the build wrote beside its record. */
  readonly reports: readonly string[];
}

/**
 * Reads build-record.json, or the folder that has it.
 * @throws {ScanGateError} `FILE_UNREADABLE`; `BUILD_REPORT_FOREIGN` for image rules that say anything else
 */
export async function readBuild(path: string): Promise<Build> {
  const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(path, RECORD_FILE) : path;
  const text = (await readRegularFile(file, MAX_RECORD_BYTES)).toString('utf8');
  const rules = join(dirname(file), IMAGE_RULES_FILE);
  const hasRules = (await lstat(rules).catch(() => undefined)) !== undefined;
  if (hasRules) await assertImageRules(rules);
  return { record: parseJson(`"${RECORD_FILE}"`, text, record(unknown)), reports: hasRules ? [rules] : [] };
}

/**
 * User code ran beside this file: in the name of a scanner it would be the report that a policy requires, and with the id of an
 * advisory it would speak about packages.
 */
async function assertImageRules(path: string): Promise<void> {
  const { scanner, findings } = parseReport(IMAGE_RULES_FILE, await readRegularFile(path, MAX_REPORT_BYTES));
  const foreign = findings.find(({ kind, ids }) => kind !== 'misconfiguration' || !ids.every((id) => RULE.test(id)));
  if (scanner === IMAGE_RULES_TOOL && foreign === undefined) return;
  const state = foreign === undefined ? 'it is the report of another tool' : 'it tells more than the rules of images';
  throw new ScanGateError('BUILD_REPORT_FOREIGN', `Cannot take "${IMAGE_RULES_FILE}" of the build: ${state}`, {
    hint: 'Look at what the build did to its record; reports of scanners come from the inspect job',
  });
}
