import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type OsvRecord, parseOsvRecord } from '@paved/gate';
import yauzl from 'yauzl';

/** The Go database at a fixed commit, which lies beside the repository (../shared/fixtures/osv-db/SOURCE.md). */
export const DATABASE_FOLDER = resolve('../shared/fixtures/osv-db');
export const GO_DATABASE = resolve(DATABASE_FOLDER, 'osv-scanner/Go/all.zip');

/** Every record of the Go database, read by nothing that the gate uses. */
export async function goRecords(): Promise<readonly OsvRecord[]> {
  if (!existsSync(GO_DATABASE)) throw new Error(`Cannot read ${GO_DATABASE}: the Go database is not there`);
  const zip = await yauzl.openPromise(GO_DATABASE, { lazyEntries: true });
  const records: OsvRecord[] = [];
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    records.push(parseOsvRecord(entry.fileName, Buffer.concat(chunks).toString('utf8')));
  }
  return records;
}
