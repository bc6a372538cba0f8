import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SbomSubject } from '@paved/bom';
import { type Digest, digestHex, parseDigest, sha256 } from '@paved/digest';
import {
  assertDescribes,
  assertFresh,
  type DocumentUsed,
  GateError,
  type Inspection,
  MAX_REPORT_BYTES,
  type ParsedReport,
  parseReport,
  type RawFinding,
  type ReportKind,
  type Unchecked,
} from '@paved/gate';
import type { Limits } from './evidence.js';
import { expandFolders, REPORT_FILES, readRegularFile } from './read-file.js';

export interface Reports {
  readonly findings: RawFinding[];
  readonly documents: DocumentUsed[];
  readonly kinds: ReportKind[];
  /** Reports that do not tell everything, or are too old to. */
  readonly unchecked: Unchecked[];
}

interface Source {
  readonly folder: string | undefined;
  readonly inspection: Inspection | undefined;
  readonly paths: readonly string[];
}

/**
 * Holds an inspection to what is released: it looked at nothing else, and left out none of the files. Without this, the reports of a
 * part would speak for the whole.
 * @throws {GateError} `REPORT_SUBJECT_MISMATCH`
 */
export function assertInspected(
  inspection: Inspection | undefined,
  files: readonly SbomSubject[],
  released: ReadonlySet<Digest>,
): void {
  const { subjects } = inspection ?? {};
  if (subjects === undefined) return;
  assertDescribes('the inspection', subjects, released, 'REPORT_SUBJECT_MISMATCH');
  const seen = new Set(subjects);
  const unseen = files.find(({ digest }) => !seen.has(digest));
  if (unseen === undefined) return;
  throw new GateError(
    'REPORT_SUBJECT_MISMATCH',
    `Cannot use the inspection: it did not look at "${unseen.name.slice(0, 200)}", which is released here`,
    { hint: 'Give the same subjects-path in mode collect and in mode gate' },
  );
}

/** Reports of the inspection, bound to a digest where it names one, and reports that stand on their own. */
export async function readReports(source: Source, released: ReadonlySet<Digest>, limits: Limits): Promise<Reports> {
  const all: Reports = { findings: [], documents: [], kinds: [], unchecked: [] };
  for (const { path, subject, modifiedAt } of source.inspection?.reports ?? []) {
    if (subject !== undefined) {
      assertDescribes(`report "${path}"`, [parseDigest(subject)], released, 'REPORT_SUBJECT_MISMATCH');
    }
    await readReport(all, join(source.folder ?? '', path), path, modifiedAt, released, limits);
  }
  for (const path of await expandFolders(source.paths, REPORT_FILES)) {
    const modifiedAt = await stat(path).then(
      (info) => info.mtime.toISOString(),
      () => limits.asOf,
    );
    await readReport(all, path, basename(path), modifiedAt, released, limits);
  }
  return all;
}

async function readReport(
  all: Reports,
  path: string,
  name: string,
  modifiedAt: string,
  released: ReadonlySet<Digest>,
  limits: Limits,
): Promise<void> {
  await assertSize(path, name);
  const bytes = await readRegularFile(path, MAX_REPORT_BYTES);
  const report = parseReport(name, bytes);
  assertFresh(`report "${name}"`, modifiedAt, limits, 'REPORT_STALE');
  assertSubject(report, name, released);
  const stale = staleness(report, name, limits);
  for (const finding of report.findings) all.findings.push(finding);
  all.kinds.push(...report.kinds);
  for (const ecosystem of [...stale, ...(report.incomplete === undefined ? [] : [`report:${name}`])]) {
    if (!all.unchecked.some((entry) => entry.ecosystem === ecosystem)) all.unchecked.push({ ecosystem, packages: 0 });
  }
  all.documents.push({
    kind: report.format === 'cyclonedx' ? 'cyclonedx-report' : report.format,
    name,
    sha256: digestHex(sha256(bytes)),
    scanner: report.scanner,
    matches: report.findings.length,
    ...(report.createdAt === undefined ? {} : { createdAt: report.createdAt }),
    ...(report.database === undefined ? {} : { databaseBuiltAt: report.database.builtAt }),
  });
}

async function assertSize(path: string, name: string): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (size <= MAX_REPORT_BYTES) return;
  throw new GateError(
    'REPORT_TOO_LARGE',
    `Cannot read report "${name}": it has ${size} bytes, the limit is ${MAX_REPORT_BYTES}`,
    { hint: 'Split the scan, or leave out what the gate does not read (packages, code flows, snippets)' },
  );
}

/** A scan of an image names it by several digests (manifest, index); one of them must be released here. */
function assertSubject({ subjects }: ParsedReport, name: string, released: ReadonlySet<Digest>): void {
  if (released.size === 0 || subjects.length === 0 || subjects.some((digest) => released.has(digest))) return;
  assertDescribes(`report "${name}"`, subjects, released, 'REPORT_SUBJECT_MISMATCH');
}

/** What the tool itself says of its age: an error where something is released, and never clean where it is only looked at. */
function staleness(report: ParsedReport, name: string, limits: Limits): readonly string[] {
  const says = [
    { key: `report:${name}`, what: `report "${name}"`, at: report.createdAt, code: 'REPORT_STALE' },
    {
      key: `database:${report.scanner}`,
      what: `the database of ${report.scanner}`,
      at: report.database?.builtAt,
      code: 'DATABASE_STALE',
    },
  ] as const;
  return says.flatMap(({ key, what, at, code }) => {
    // Year 1 is how Go writes "no time".
    if (at === undefined || Number.isNaN(Date.parse(at)) || at.startsWith('0001-')) return [];
    try {
      assertFresh(what, at, limits, code);
      return [];
    } catch (error) {
      if (limits.isStrict) throw error;
      return [key];
    }
  });
}
