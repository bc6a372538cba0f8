import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PavedError } from '@paved/errors';
import type { ScanDatabase } from '@paved/gate';
import { type ActionContext, parseDuration } from '@paved/runner-kit';
import { type Taken, take } from '@paved/runner-kit/source';
import { assignments } from './assignments.js';
import { ScanError } from './error.js';
import { isRegistrySource, takeFromRegistry } from './registry-source.js';
import type { Scanner } from './scanner.js';
import { assertArchive, unpackTrivy } from './unpack-database.js';

/** What one scanner may read, fetched before it starts; files for readers of another user. */
export interface Database {
  readonly provider: string;
  readonly folder: string;
  readonly maxAgeMs: number;
  readonly records: readonly ScanDatabase[];
}

export interface DatabaseOptions {
  /** `provider[:ecosystem] source [source …]` lines. */
  readonly lines: readonly string[];
  /** `provider=duration` lines. */
  readonly ages: readonly string[];
  /** RFC 3339. */
  readonly asOf: string;
  readonly maxBytes: number;
}

interface Wanted {
  readonly provider: string;
  readonly ecosystem: string | undefined;
  readonly sources: readonly string[];
}

const ECOSYSTEM = /^[A-Za-z][A-Za-z0-9. -]{0,39}$/;
const HOUR_MS = 3_600_000;

/**
 * Fetches what the scanners need, each from the first of its mirrors that answers with something fresh enough.
 * @throws {ScanError} `DATABASE_MISSING`, `DATABASE_UNAVAILABLE` with what each mirror answered, `INPUT_INVALID`
 */
export async function bringDatabases(
  scanners: readonly Scanner[],
  options: DatabaseOptions,
  context: ActionContext,
): Promise<ReadonlyMap<string, Database>> {
  const needs = scanners.flatMap(({ database }) => (database === undefined ? [] : [database]));
  const providers = new Set(needs.map(({ provider }) => provider));
  const wanted = parseLines(options.lines, needs);
  const ages = assignments('database-age', options.ages, providers);
  const brought = needs.map(async ({ provider, maxAgeMs }): Promise<readonly [string, Database]> => {
    const own = wanted.filter((entry) => entry.provider === provider);
    if (own.length === 0) {
      throw new ScanError('DATABASE_MISSING', `Cannot scan with ${provider}: databases names none for it`, {
        hint: `Add a line "${provider}… https://…", or leave the scanner out: without data it would call everything clean`,
      });
    }
    const age = ages.get(provider);
    const folder = await context.workDir();
    const limit = age === undefined ? maxAgeMs : parseDuration('database-age', age);
    const records: ScanDatabase[] = [];
    for (const entry of own) records.push(await bring(entry, folder, limit, options, context));
    await chmod(folder, 0o755);
    return [provider, { provider, folder, maxAgeMs: limit, records }];
  });
  return new Map(await Promise.all(brought));
}

/** @throws {ScanError} `DATABASE_STALE`; newer than `asOf` is not too old, as everywhere else in the gate */
export function assertAge({ provider, maxAgeMs }: Pick<Database, 'provider' | 'maxAgeMs'>, at: string, asOf: string) {
  const ageMs = Date.parse(asOf) - Date.parse(at);
  if (ageMs <= maxAgeMs) return;
  const hours = (ms: number) => `${Math.floor(ms / HOUR_MS)} h`;
  throw new ScanError(
    'DATABASE_STALE',
    `Cannot use the database of ${provider}: it was ${hours(ageMs)} old at ${asOf}, the limit is ${hours(maxAgeMs)}`,
    { hint: 'Name a mirror that is up to date, or raise database-age if that is meant' },
  );
}

async function bring(
  wanted: Wanted,
  folder: string,
  maxAgeMs: number,
  options: DatabaseOptions,
  context: ActionContext,
): Promise<ScanDatabase> {
  const failures: PavedError[] = [];
  for (const source of wanted.sources) {
    try {
      const record = await fetchOne(wanted, source, folder, options.maxBytes, context);
      const at = record.builtAt ?? record.modifiedAt;
      if (at !== undefined) assertAge({ provider: record.provider, maxAgeMs }, at, options.asOf);
      return record;
    } catch (error) {
      if (!(error instanceof PavedError)) throw error;
      failures.push(error);
      context.log.notice(
        `Source ${failures.length} of ${wanted.sources.length} for ${wanted.provider} is passed over: ${error.message}`,
      );
    }
  }
  const [only] = failures;
  if (only !== undefined && failures.length === 1) throw only;
  const reasons = failures.map(({ message }) => message).join('; ');
  throw new ScanError('DATABASE_UNAVAILABLE', `Cannot get the database of ${wanted.provider}: ${reasons}`, {
    cause: only,
    hint: 'Name a mirror that answers and is up to date',
  });
}

/** Leaves the database where the scanner looks for it, or nothing. */
async function fetchOne(
  { provider, ecosystem }: Wanted,
  source: string,
  folder: string,
  maxBytes: number,
  context: ActionContext,
): Promise<ScanDatabase> {
  const packed = join(await context.workDir(), 'packed');
  const taken: Taken = isRegistrySource(source)
    ? await takeFromRegistry(source, packed, maxBytes)
    : await take(source, packed, maxBytes, context);
  const record = {
    ...taken,
    provider: ecosystem === undefined ? provider : `${provider}:${ecosystem}`,
    fetchedAt: now(),
  };
  if (provider === 'trivy') {
    const { builtAt } = await unpackTrivy(packed, join(folder, 'trivy'), maxBytes);
    await rm(packed);
    return { ...record, builtAt };
  }
  await assertArchive(packed, provider, ecosystem === undefined ? 'zstd' : 'zip');
  const place = ecosystem === undefined ? `${provider}.tar.zst` : join('osv-scanner', ecosystem, 'all.zip');
  const target = join(folder, place);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await rename(packed, target);
  await chmod(target, 0o444);
  return record;
}

function parseLines(lines: readonly string[], needs: readonly NonNullable<Scanner['database']>[]): readonly Wanted[] {
  const seen = new Set<string>();
  return lines.map((line) => {
    const [key = '', ...sources] = line.split(/\s+/);
    const [provider = '', ecosystem] = key.split(/:(.*)/s, 2);
    const need = needs.find((entry) => entry.provider === provider);
    const state = problemOf(key, sources, need, ecosystem, seen);
    if (state !== undefined) {
      throw new ScanError('INPUT_INVALID', `Cannot read databases line "${line.slice(0, 60)}": ${state}`, {
        hint: 'Write a line per database: osv-scanner:npm https://…/all.zip, grype https://…, trivy oci://…',
      });
    }
    seen.add(key);
    return { provider, ecosystem, sources };
  });
}

function problemOf(
  key: string,
  sources: readonly string[],
  need: Scanner['database'],
  ecosystem: string | undefined,
  seen: ReadonlySet<string>,
): string | undefined {
  if (need === undefined) return 'no scanner that runs asks for it';
  if (need.perEcosystem !== (ecosystem !== undefined)) {
    return need.perEcosystem ? 'it names no ecosystem' : 'it has no ecosystems';
  }
  if (ecosystem !== undefined && !ECOSYSTEM.test(ecosystem)) return 'that is no ecosystem';
  if (sources.length === 0) return 'it names no source';
  return seen.has(key) ? 'it is there twice' : undefined;
}

function now(): string {
  return new Date().toISOString();
}
