import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import {
  type InspectedReport,
  MAX_REPORT_BYTES,
  parseReport,
  parseScans,
  type RawFinding,
  SCANS_FILE,
  type ScanRecord,
} from '@paved/gate';
import { ScanGateError } from './error.js';
import { readRegularFile } from './read-file.js';

const MAX_RECORD_BYTES = 4 * 1024 * 1024;

export interface TakenScans {
  readonly records: readonly ScanRecord[];
  readonly reports: readonly InspectedReport[];
  readonly findings: readonly RawFinding[];
}

/**
 * Takes the reports of a scan into `folder`, each held to the digest that the record has of it, with the time at which the scanner
 * started. An SBOM that a scanner wrote is recorded and not taken: it is a source of `sbom`.
 * @throws {ScanGateError} `INSPECTION_INVALID` for a report that is missing, changed, or about another digest
 */
export async function takeScans(source: string, folder: string, subject: Digest | undefined): Promise<TakenScans> {
  const record = await readRegularFile(join(source, SCANS_FILE), MAX_RECORD_BYTES);
  const { scans } = parseScans(record.toString('utf8'));
  const reports: InspectedReport[] = [];
  const findings: RawFinding[] = [];
  for (const scan of scans.filter(({ output }) => output.kind === 'report')) {
    const path = `scan-${scan.output.path}`;
    const bytes = await readRegularFile(join(source, scan.output.path), MAX_REPORT_BYTES);
    const digest = digestHex(sha256(bytes));
    assertSame(scan, digest, subject);
    const report = parseReport(path, bytes);
    await writeFile(join(folder, path), bytes, { flag: 'wx' });
    for (const finding of report.findings) findings.push(finding);
    const about = scan.subject ?? subject;
    reports.push({
      scanner: report.scanner,
      path,
      sha256: digest,
      modifiedAt: scan.startedAt,
      ...(about === undefined ? {} : { subject: about }),
    });
  }
  return { records: scans, reports, findings };
}

function assertSame({ scanner, output, subject: about }: ScanRecord, actual: string, subject: Digest | undefined) {
  const refuse = (state: string) =>
    new ScanGateError('INSPECTION_INVALID', `Cannot take the report of ${scanner}: ${state}`, {
      hint: 'Scan again; nothing may touch the folder of a scan before it is collected',
    });
  if (actual !== output.sha256) throw refuse('it has been changed since the scan');
  if (about !== undefined && subject !== undefined && about !== subject) throw refuse(`it is about ${about}`);
}
