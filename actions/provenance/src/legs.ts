import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildRecord, IsolationReport, ResourceDescriptor } from '@paved/attestation';
import type { FetchManifest } from '@paved/bom/fetch-manifest';
import { type PlatformLeg, parseLegs } from '@paved/handoff/legs';
import { ProvenanceError } from './error.js';
import { type FetchRecord, type ReadBuildRecord, readBuildRecord, readFetchRecord } from './records.js';

/** What one machine was given and did; a build on one machine alone has no leg. */
export interface BuildLeg {
  readonly leg: PlatformLeg | undefined;
  readonly fetch: FetchRecord;
  readonly build: ReadBuildRecord;
}

export interface RecordPaths {
  readonly fetchPath: string;
  readonly buildPath: string;
}

/**
 * Reads the records of every machine: those in the folders themselves, or with `platforms` those in one folder for each leg.
 * @throws {ProvenanceError} `RECORD_MISSING` for a leg without records, and for records of what is no leg
 */
export async function readBuildLegs(paths: RecordPaths, platforms: readonly string[]): Promise<readonly BuildLeg[]> {
  const { fetchPath, buildPath } = paths;
  if (platforms.length === 0) {
    const [fetch, build] = [await readFetchRecord(fetchPath), await readBuildRecord(buildPath)];
    return [{ leg: undefined, fetch, build }];
  }
  const legs = parseLegs(platforms).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  for (const path of [fetchPath, buildPath]) await assertFolders(path, legs);
  const read: BuildLeg[] = [];
  for (const leg of legs) {
    const fetch = await readFetchRecord(join(fetchPath, leg.key));
    read.push({ leg, fetch, build: await readBuildRecord(join(buildPath, leg.key)) });
  }
  assertSameLockfiles(read);
  return read;
}

/** Somebody who knows nothing of legs reads of the least isolated one. */
export function weakestIsolation(legs: readonly BuildLeg[]): IsolationReport {
  const reports = legs.map(({ fetch }) => fetch.isolation).toSorted((a, b) => rank(a) - rank(b));
  const [weakest] = reports;
  if (weakest === undefined) throw new TypeError('Cannot happen: a build has a machine');
  return weakest;
}

/** First start, last end, and every command once. */
export function wholeBuild(legs: readonly BuildLeg[]): Omit<BuildRecord, 'mediaType' | 'outputs' | 'log'> {
  const records = legs.map(({ build }) => build.record);
  const byTime = (a: string, b: string) => Date.parse(a) - Date.parse(b);
  return {
    command: [...new Set(records.map(({ command }) => command))].join('\n'),
    exitStatus: records.find(({ exitStatus }) => exitStatus !== 0)?.exitStatus ?? 0,
    startedOn: records.map(({ startedOn }) => startedOn).sort(byTime)[0] ?? '',
    finishedOn:
      records
        .map(({ finishedOn }) => finishedOn)
        .sort(byTime)
        .at(-1) ?? '',
  };
}

/** What each leg handed over about itself, by the digest of its bytes. */
export function legByproducts({ leg, fetch, build }: BuildLeg): readonly ResourceDescriptor[] {
  const log = { name: 'build-log', digest: { sha256: hexOf(build.record) } };
  const documents = [
    { name: 'fetch-manifest', digest: { sha256: fetch.sha256.manifest } },
    { name: 'isolation-report', digest: { sha256: fetch.sha256.isolation } },
    { name: 'build-record', digest: { sha256: build.sha256 } },
  ];
  const { patches } = fetch.sha256;
  const patched = patches === undefined ? [] : [{ name: 'image-patches', digest: { sha256: patches } }];
  const own =
    leg === undefined
      ? [...patched, log]
      : [...documents, ...patched, log].map((one) => ({ ...one, name: `${leg.key}/${one.name}` }));
  return own.map((one) => ({ ...one, annotations: { voucher: 'build' } }));
}

function hexOf({ log }: BuildRecord): string {
  return log.sha256.replace(/^sha256:/, '');
}

const WEAKEST_FIRST: readonly IsolationReport['method'][] = ['none', 'user-namespace', 'sudo', 'root'];

function rank({ method, hermetic }: IsolationReport): number {
  return WEAKEST_FIRST.indexOf(method) + (hermetic ? WEAKEST_FIRST.length : 0);
}

async function assertFolders(path: string, legs: readonly PlatformLeg[]): Promise<void> {
  const names = (await readdir(path)).sort();
  const expected = legs.map(({ key }) => key);
  if (names.length === expected.length && names.every((name, index) => name === expected[index])) return;
  throw new ProvenanceError(
    'RECORD_MISSING',
    `Cannot read the records of the legs: there are ${JSON.stringify(names.slice(0, 20))}, expected ${JSON.stringify(expected)}`,
    { hint: 'Receive the records of every leg of the build, and of no other (handoff, mode receive-legs)' },
  );
}

/** All legs build one commit, so a lock file that is another one on one machine was changed there. */
function assertSameLockfiles(legs: readonly BuildLeg[]): void {
  const seen = new Map<string, { readonly sha256: string; readonly platform: string }>();
  for (const { leg, fetch } of legs) {
    for (const { path, sha256 } of (fetch.manifest satisfies FetchManifest).lockfiles) {
      const [other, platform] = [seen.get(path), leg?.platform ?? ''];
      if (other !== undefined && other.sha256 !== sha256) {
        throw new ProvenanceError(
          'SOURCE_MISMATCH',
          `Cannot accept the fetch records: "${path.slice(0, 200)}" is another file on ${platform} than on ${other.platform}`,
          { hint: 'Let nothing change the checkout before the fetch phase, and run the whole workflow again' },
        );
      }
      seen.set(path, { sha256, platform });
    }
  }
}
