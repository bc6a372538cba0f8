import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularFile as readFile } from '@paved/digest';
import { ScanGateError } from './error.js';

const MAX_FILES = 1000;

/**
 * Reads a regular file of at most `maxBytes`; a link is refused, because folders come from another machine.
 * @throws {ScanGateError} `FILE_UNREADABLE`
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  return await readFile(path, maxBytes, (_problem, name, state, cause) => unreadable(name, state, cause));
}

const JSON_FILES = /\.json$/;
/** How scanners' reports are named, packed or not. */
export const REPORT_FILES = /\.(?:json|sarif)(?:\.gz)?$/;

/** The paths themselves, folders replaced by the files directly in them whose names fit, sorted. */
export async function expandFolders(paths: readonly string[], wanted = JSON_FILES): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const info = await lstat(path).catch(() => undefined);
    if (!info?.isDirectory()) {
      files.push(path);
      continue;
    }
    const names = (await readdir(path)).filter((name) => wanted.test(name)).sort();
    if (names.length === 0) throw unreadable(path, 'the folder has no file of this kind');
    files.push(...names.map((name) => join(path, name)));
  }
  if (files.length > MAX_FILES) throw unreadable(files[0] ?? '', `there are more than ${MAX_FILES} files`);
  return files;
}

function unreadable(path: string, state: string, cause?: unknown): ScanGateError {
  return new ScanGateError('FILE_UNREADABLE', `Cannot read "${path}": ${state}`, {
    cause,
    hint: 'Check that the step before wrote it, and that the path is right',
  });
}
