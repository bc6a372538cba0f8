import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SbomComponent } from '@paved/bom';
import { OsvIndex, parseOsvRecord } from '@paved/gate';
import type { BenchCase } from './bench.js';
import { writeReports } from './gate-data.js';

const SBOMS = 1000;
const COMPONENTS = 300;
const NPM_RECORDS = 200_000;
const MATCHING_BOUND_MS = 60_000;
const WALL_GOAL = 2.5;
const MEMORY_GOAL = 1.5;
const GO_DATABASE = join('..', 'shared', 'fixtures', 'osv-db', 'osv-scanner', 'Go', 'all.zip');
/** Stands in where the real database does not lie beside the repository. */
const GO_RECORDS = join('test', 'fixtures', 'osv', 'Go');

interface Sample {
  readonly wallMs: number;
  readonly peakMiB: number;
}

/** The decision over three large reports beside JSON.parse of the same bytes, and many SBOMs against large databases. */
export async function cases(): Promise<readonly BenchCase[]> {
  const files = writeReports(mkdtempSync(join(tmpdir(), 'bench-gate-')));
  const script = fileURLToPath(new URL('gate-run.js', import.meta.url));
  const run = (mode: string, member: keyof Sample) => async () => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--max-old-space-size=4096', script, mode, ...files],
      {
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`Cannot measure the gate: ${stderr}`);
    return (JSON.parse(stdout) as Sample)[member];
  };
  const beside = (member: keyof Sample) => ({ name: 'JSON.parse', sample: run('parse', member) });
  return [
    {
      name: '100,000 matches',
      metric: 'wall',
      unit: 'ms',
      ours: run('gate', 'wallMs'),
      peer: beside('wallMs'),
      goal: WALL_GOAL,
    },
    {
      name: '100,000 matches',
      metric: 'peak-memory',
      unit: 'MiB',
      ours: run('gate', 'peakMiB'),
      peer: beside('peakMiB'),
      goal: MEMORY_GOAL,
    },
    { name: '1,000 SBOMs of 300 components', metric: 'wall', unit: 'ms', ours: matchSboms, goal: MATCHING_BOUND_MS },
  ];
}

function npmRecord(index: number): string {
  return JSON.stringify({
    id: `GHSA-${index.toString(36).padStart(4, '0')}-aaaa-bbbb`,
    modified: '2025-01-01T00:00:00Z',
    aliases: [`CVE-2025-${10_000 + index}`],
    summary: `Record ${index}`,
    affected: [
      {
        package: { ecosystem: 'npm', name: `package-${index % 50_000}` },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: `1.${index % 40}.0` }] }],
      },
    ],
    database_specific: { severity: 'HIGH' },
  });
}

/** Half of each SBOM are npm packages, half Go modules of the database. */
function components(sbom: number, modules: readonly string[]): readonly SbomComponent[] {
  return Array.from({ length: COMPONENTS }, (_, index): SbomComponent => {
    const isGo = index % 2 === 0 && modules.length > 0;
    const module = modules[(sbom * 7 + index) % Math.max(modules.length, 1)];
    const purl = isGo
      ? `pkg:golang/${module}@v1.${index % 30}.0`
      : `pkg:npm/package-${(sbom * 151 + index) % 60_000}@1.${index % 30}.1`;
    return { purl, name: purl, licences: [], scope: 'runtime', direct: true };
  });
}

let unpacked: string | undefined;
function goRecords(): string {
  if (!existsSync(GO_DATABASE)) return GO_RECORDS;
  if (unpacked !== undefined) return unpacked;
  const folder = mkdtempSync(join(tmpdir(), 'bench-osv-'));
  const { status } = spawnSync('unzip', ['-qq', GO_DATABASE, '-d', folder]);
  unpacked = status === 0 ? folder : GO_RECORDS;
  return unpacked;
}

/** Reading both databases is part of it; unpacking the archive is not. */
async function matchSboms(): Promise<number> {
  const records = goRecords();
  const startedAt = performance.now();
  const index = new OsvIndex();
  const modules = new Set<string>();
  for (const file of readdirSync(records).filter((name) => name.endsWith('.json'))) {
    const entry = parseOsvRecord(file, readFileSync(join(records, file), 'utf8'));
    for (const { package: named } of entry.affected) if (named?.ecosystem === 'Go') modules.add(named.name);
    index.add(entry);
  }
  for (let record = 0; record < NPM_RECORDS; record++) index.add(parseOsvRecord('npm', npmRecord(record)));
  let found = 0;
  for (let sbom = 0; sbom < SBOMS; sbom++) found += index.match(components(sbom, [...modules])).findings.length;
  if (found === 0) throw new Error('Cannot measure: nothing was found');
  return performance.now() - startedAt;
}
