import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import {
  INSPECTION_FILE,
  INSPECTION_MEDIA_TYPE,
  type InspectedDatabase,
  type InspectedReport,
  type Inspection,
  MAX_REPORT_BYTES,
  parseReport,
  type RawFinding,
} from '@paved/gate';
import type { ActionContext } from '@paved/runner-kit';
import { type Taken, take } from '@paved/runner-kit/source';
import { ScanGateError } from './error.js';
import { takeScans } from './scans.js';

const MAX_KEV_BYTES = 64 * 1024 * 1024;
const MAX_EPSS_BYTES = 128 * 1024 * 1024;
const ECOSYSTEM = /^[A-Za-z][A-Za-z0-9.-]{0,39}$/;

export interface CollectOptions {
  readonly osvDatabases: readonly string[];
  readonly kev?: string;
  readonly epss?: string;
  readonly reports: readonly string[];
  /** Folder that `scan` wrote. */
  readonly scans?: string;
  readonly subject?: Digest;
  /** Of every file that was scanned. */
  readonly subjects?: readonly Digest[];
  readonly maxDatabaseBytes: number;
}

/** Writes further reports into the folder, over the findings of those that were taken; returns their plain names. */
export type CollectMore = (folder: string, found: readonly RawFinding[]) => Promise<readonly string[]>;

/** Takes databases and reports as they are into `folder`, and writes down where each byte came from. */
export async function collect(
  folder: string,
  options: CollectOptions,
  context: ActionContext,
  more: CollectMore = async () => [],
): Promise<Inspection> {
  const databases: InspectedDatabase[] = [];
  for (const [ecosystem, source] of parseSources(options.osvDatabases)) {
    const path = `osv-${ecosystem}.zip`;
    const taken = await timed(path, context, () => take(source, join(folder, path), options.maxDatabaseBytes, context));
    databases.push({ kind: 'osv', ecosystem, path, ...taken, fetchedAt: now() });
  }
  const { kev } = options;
  if (kev !== undefined) {
    const path = 'kev.json';
    const taken = await timed(path, context, () => take(kev, join(folder, path), MAX_KEV_BYTES, context));
    databases.push({ kind: 'kev', path, ...taken, fetchedAt: now() });
  }
  const { epss } = options;
  if (epss !== undefined) {
    const path = 'epss.csv';
    const taken = await timed(path, context, () => take(epss, join(folder, path), MAX_EPSS_BYTES, context));
    databases.push({ kind: 'epss', path, ...taken, fetchedAt: now() });
  }
  const reports: InspectedReport[] = [];
  const found: RawFinding[] = [];
  const subject = options.subject === undefined ? {} : { subject: options.subject };
  for (const [index, source] of options.reports.entries()) {
    const path = `report-${index + 1}.json`;
    const taken = await take(source, join(folder, path), MAX_REPORT_BYTES, context);
    const { sha256: digest, modifiedAt = now() } = taken;
    const { scanner, findings } = parseReport(path, await readFile(join(folder, path)));
    for (const finding of findings) found.push(finding);
    reports.push({ scanner, path, sha256: digest, modifiedAt, ...subject });
  }
  const scans = options.scans === undefined ? undefined : await takeScans(options.scans, folder, options.subject);
  reports.push(...(scans?.reports ?? []));
  for (const finding of scans?.findings ?? []) found.push(finding);
  for (const path of await more(folder, found)) {
    const bytes = await readFile(join(folder, path));
    const { scanner } = parseReport(path, bytes);
    reports.push({ scanner, path, sha256: digestHex(sha256(bytes)), modifiedAt: now(), ...subject });
  }
  const inspection: Inspection = {
    mediaType: INSPECTION_MEDIA_TYPE,
    databases,
    reports,
    ...(options.subjects === undefined ? {} : { subjects: options.subjects }),
    ...(scans === undefined ? {} : { scans: scans.records }),
  };
  await writeFile(join(folder, INSPECTION_FILE), `${JSON.stringify(inspection, null, 2)}\n`, { flag: 'wx' });
  summarise(inspection, context);
  return inspection;
}

function now(): string {
  return new Date().toISOString();
}

function parseSources(lines: readonly string[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const line of lines) {
    const cut = line.indexOf('=');
    const [ecosystem, source] = [line.slice(0, Math.max(cut, 0)).trim(), line.slice(cut + 1).trim()];
    if (!ECOSYSTEM.test(ecosystem) || source === '' || sources.has(ecosystem)) {
      const state = sources.has(ecosystem)
        ? 'the ecosystem is named twice'
        : 'it is not ecosystem=URL or ecosystem=path';
      throw new ScanGateError('INPUT_INVALID', `Cannot read osv-database line "${line.slice(0, 60)}": ${state}`, {
        hint: 'Write one line per ecosystem, as npm=https://…/all.zip',
      });
    }
    sources.set(ecosystem, source);
  }
  return sources;
}

async function timed(file: string, context: ActionContext, body: () => Promise<Taken>): Promise<Taken> {
  const started = performance.now();
  const taken = await body();
  const durationMs = performance.now() - started;
  context.events.emit({ stage: 'scan', event: 'database-taken', durationMs, file, sha256: taken.sha256 });
  return taken;
}

function summarise(inspection: Inspection, context: ActionContext): void {
  const rows = inspection.databases.map((entry) => [
    entry.ecosystem ?? entry.kind,
    entry.source,
    entry.modifiedAt ?? 'not stated',
    entry.sha256,
  ]);
  context.summary.heading('Collected advisories').table(['Database', 'Source', 'Modified', 'SHA-256'], rows);
  context.log.info(`Collected ${inspection.databases.length} databases and ${inspection.reports.length} reports`);
}
