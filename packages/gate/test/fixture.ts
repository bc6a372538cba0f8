import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SbomComponent } from '@paved/bom';
import { type OsvRecord, parseOsvRecord } from '@paved/gate';

/** Text of a file in test/fixtures; tests run from the repository root. */
export function fixture(path: string): string {
  return readFileSync(join(process.cwd(), 'test', 'fixtures', path), 'utf8');
}

export function goRecord(id: string): OsvRecord {
  return parseOsvRecord(id, fixture(`osv/Go/${id}.json`));
}

export function component(purl: string, more: Partial<SbomComponent> = {}): SbomComponent {
  return { purl, name: purl, licences: [], scope: 'runtime', direct: true, ...more };
}

/** A record of the form that the npm database has, with facts of its own. */
export function npmRecord(id: string, name: string, events: readonly object[], more: object = {}): OsvRecord {
  const affected = [{ package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events }] }];
  return parseOsvRecord(id, JSON.stringify({ id, modified: '2024-01-01T00:00:00Z', affected, ...more }));
}
