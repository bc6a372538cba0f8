import { purlWithoutVersion } from '@paved/bom';
import { AliasGroups } from './alias-groups.js';
import { vectorsDisagree } from './cvss-scores.js';
import type { EpssScores } from './epss.js';
import type { FindingPackage, MergedFinding, Relation } from './finding.js';
import { MergedRecord } from './finding-record.js';
import type { KevCatalogue, KevEntry } from './kev.js';
import { byText, unique } from './order.js';
import { OwnNames } from './own-names.js';
import type { Epss, FindingLocation, FindingSource, RawFinding } from './raw-finding.js';
import { worst } from './severity.js';

const SYSTEM_PACKAGE = /^pkg:(?:deb|rpm|apk|alpm)\//;
/** Kinds that are known by ids which mean the same everywhere. */
const BY_ALIAS = new Set<RawFinding['kind']>(['vulnerability', 'malware']);

export interface Feeds {
  readonly kev?: KevCatalogue | undefined;
  readonly epss?: EpssScores | undefined;
}

function bestId(ids: readonly string[]): string {
  return ids.find((id) => id.startsWith('CVE-')) ?? ids.find((id) => id.startsWith('GHSA-')) ?? ids[0] ?? '';
}

function sourceKey({
  name,
  id,
  severity,
  report = '',
  version = '',
  location,
  suppressed = '',
}: FindingSource): string {
  return `${name}\0${id}\0${severity}\0${report}\0${version}\0${location?.path ?? ''}\0${location?.line ?? ''}\0${suppressed}`;
}

/** One per match, in an order that does not depend on the order of the reports. */
function sortedSources(raw: readonly RawFinding[]): readonly FindingSource[] {
  const [only] = raw;
  if (raw.length === 1 && only !== undefined) return [only.source];
  return raw
    .map(({ source }) => ({ source, key: sourceKey(source) }))
    .sort((a, b) => byText(a.key, b.key))
    .map(({ source }) => source);
}

function first(texts: readonly string[]): string {
  const present = texts.filter((text) => text !== '');
  return present.length < 2 ? (present[0] ?? '') : (unique(present)[0] ?? '');
}

function relationOf(purl: string, direct: boolean, known: boolean): Relation {
  if (SYSTEM_PACKAGE.test(purl)) return 'base-image';
  if (direct) return 'direct';
  return known ? 'transitive' : 'unknown';
}

/**
 * The purls that sources name. Beside them a made-up one stands for a version that no source names by purl: a statement must cover
 * every version that was found.
 */
function purlsOf(raw: readonly RawFinding[]): readonly string[] {
  const named = raw.filter(({ purl, inferred }) => purl !== undefined && !inferred);
  if (named.length === 0) return NONE;
  const versions = new Set(named.map(({ version }) => version));
  const others = raw.filter(({ inferred, version }) => inferred && version !== '' && !versions.has(version));
  return unique([...named, ...others].flatMap(({ purl }) => purl ?? []));
}

function packageOf(purl: string, raw: readonly RawFinding[]): FindingPackage {
  const direct = raw.some((entry) => entry.direct);
  // Only our own matching, or a document with a graph, knows that something is not direct.
  const known = raw.some(({ source }) => source.report === undefined);
  return {
    purl,
    purls: purlsOf(raw),
    ecosystem: first(raw.map(({ ecosystem }) => ecosystem)),
    name: first(raw.map(({ name }) => name)),
    versions: unique(raw.map(({ version }) => version)),
    direct,
    relation: relationOf(purl, direct, known),
    scope: raw.some(({ scope }) => scope === 'runtime') ? 'runtime' : 'development',
  };
}

function locationsOf(sources: readonly FindingSource[]): readonly FindingLocation[] {
  const found = new Map<string, FindingLocation>();
  for (const { location } of sources) {
    if (location !== undefined) found.set(`${location.path}\0${location.line ?? 0}`, location);
  }
  return found.size < 2 ? [...found.values()] : [...found].sort(([a], [b]) => byText(a, b)).map(([, entry]) => entry);
}

function exploitedBy(
  ids: readonly string[],
  raw: readonly RawFinding[],
  kev: KevCatalogue | undefined,
): KevEntry | undefined {
  const mentioned = kev === undefined ? NONE : [...ids, ...raw.flatMap(({ mentions = [] }) => mentions)];
  for (const id of mentioned) {
    const entry = kev?.entries.get(id);
    if (entry !== undefined) return entry;
  }
  // A scanner that carries its own copy of the catalogue is believed when it says "exploited", never when it does not.
  let claimed: KevEntry | undefined;
  for (const { exploited } of raw) {
    if (exploited !== undefined && (claimed === undefined || exploited.cve < claimed.cve)) claimed = exploited;
  }
  return claimed;
}

function epssOf(ids: readonly string[], raw: readonly RawFinding[], scores: EpssScores | undefined): Epss | undefined {
  const pinned = scores === undefined ? [] : ids.flatMap((id) => scores.entries.get(id) ?? []);
  const all = pinned.length > 0 ? pinned : raw.flatMap(({ epss }) => epss ?? []);
  return all.length === 0 ? undefined : all.reduce((a, b) => (b.score > a.score ? b : a));
}

function fixesOf(raw: readonly RawFinding[]): readonly string[] {
  return unique(raw.flatMap(({ fixedIn = [] }) => fixedIn));
}

/** The same for one source alone, which most findings have: nothing to sort, nothing to compare. */
function single(purl: string | undefined, entry: RawFinding, feeds: Feeds): MergedFinding {
  const { ids, kind, licence, source, fixedIn = [], identity } = entry;
  const id = bestId(ids);
  const raw = [entry];
  return new MergedRecord({
    identity: identity ?? `${kind} ${purl ?? ''} ${id}`,
    id,
    aliases: ids.length === 1 ? NONE : ids.filter((alias) => alias !== id),
    kind,
    title: entry.title,
    package: purl === undefined ? undefined : singlePackage(purl, entry),
    locations: source.location === undefined ? NO_LOCATIONS : [source.location],
    fixedIn: typeof fixedIn === 'string' ? [fixedIn] : fixedIn.length < 2 ? fixedIn : unique(fixedIn),
    severity: source.severity,
    sources: [source],
    disagreement: source.cvss !== undefined && vectorsDisagree(source),
    kev: exploitedBy(ids, raw, feeds.kev),
    epss: feeds.epss === undefined ? entry.epss : epssOf(ids, raw, feeds.epss),
    licence,
  });
}

/** Adapters write ids sorted and once; what others write is put in order. */
function isSorted(ids: readonly string[]): boolean {
  return ids.every((id, index) => index === 0 || (ids[index - 1] ?? '') < id);
}

const NONE: readonly string[] = [];
const NO_LOCATIONS: readonly FindingLocation[] = [];

function singlePackage(purl: string, entry: RawFinding): FindingPackage {
  return {
    purl,
    purls: entry.purl === undefined || entry.inferred ? NONE : [entry.purl],
    ecosystem: entry.ecosystem,
    name: entry.name,
    versions: [entry.version],
    direct: entry.direct,
    relation: relationOf(purl, entry.direct, entry.source.report === undefined),
    scope: entry.scope,
  };
}

function merge(purl: string | undefined, group: Group, feeds: Feeds, names: OwnNames): MergedFinding {
  if (!Array.isArray(group) && isSorted(group.ids)) return single(purl, group, feeds);
  const raw = Array.isArray(group) ? group : [group];
  const ids = unique(raw.flatMap((entry) => entry.ids));
  const id = bestId(ids);
  const sources = sortedSources(raw);
  const judged = new Set(sources.map(({ severity }) => severity).filter((severity) => severity !== 'unknown'));
  const [{ kind, licence, identity } = raw[0] as RawFinding] = raw;
  return new MergedRecord({
    identity: identity ?? `${kind} ${purl ?? ''} ${id}`,
    id,
    aliases: ids.filter((alias) => alias !== id),
    kind: raw.some((entry) => entry.kind === 'malware') ? 'malware' : kind,
    title: first(raw.map(({ title }) => title)),
    package: purl === undefined ? undefined : packageOf(purl, raw),
    locations: locationsOf(sources),
    fixedIn: fixesOf(raw),
    severity: worst(sources.map(({ severity }) => severity)),
    sources,
    disagreement: judged.size > 1 || sources.some(vectorsDisagree),
    kev: exploitedBy(ids, raw, feeds.kev),
    epss: epssOf(ids, raw, feeds.epss),
    licence,
    partialNames: ids.length === 1 ? undefined : names.partial(raw, ids),
  });
}

/** What a package is called in reports without purls, and what the others call it; ambiguous names stay apart. */
function exactPurls(raw: readonly RawFinding[]): ReadonlyMap<string, string> {
  const exact = new Map<string, string>();
  if (!raw.some(({ inferred }) => inferred)) return exact;
  for (const { purl, inferred, name, version } of raw) {
    if (purl === undefined || inferred) continue;
    const key = `${name}\0${version}`;
    const other = exact.get(key);
    exact.set(key, other === undefined || other === purl ? purl : '');
  }
  return exact;
}

/** Packages of one name in two ecosystems are two: only where the report names no type can it be either. */
function mayBe(guessed: string | undefined, exact: string): boolean {
  if (exact === '') return false;
  const type = (purl: string) => purl.slice(0, purl.indexOf('/'));
  return guessed === undefined || type(guessed) === 'pkg:generic' || type(guessed) === type(exact);
}

/** Types that need a version (swift) have no purl without one: theirs is cut off as text. */
function keyOf(purl: string): string {
  try {
    return purlWithoutVersion(purl);
  } catch {
    return purl.replace(/[?#].*$/s, '').replace(/@[^@/]*$/, '');
  }
}

/** What came together: most often one finding, without a list around it. */
type Group = RawFinding | RawFinding[];

class PurlKeys {
  readonly #known = new Map<string, string>();
  /** Parsing a purl is the dearest part of merging; packages recur. */
  of(purl: string): string {
    const known = this.#known.get(purl);
    if (known !== undefined) return known;
    const key = keyOf(purl);
    this.#known.set(purl, key);
    return key;
  }
}

/** One finding per alias group and package, or per place, whatever the number of sources and versions; sorted. */
export function mergeFindings(raw: readonly RawFinding[], feeds: Feeds = {}): readonly MergedFinding[] {
  const aliases = new AliasGroups();
  for (const { ids, kind } of raw) if (BY_ALIAS.has(kind) && ids.length > 1) aliases.unite(ids);
  const exact = exactPurls(raw);
  const keys = new PurlKeys();
  // Package, then name in it: no key is ever put together, which would cost more than the rest.
  const packages = new Map<string | undefined, Map<string, Group>>();
  for (const entry of raw) {
    const better = entry.inferred ? exact.get(`${entry.name}\0${entry.version}`) : undefined;
    const full = better !== undefined && mayBe(entry.purl, better) ? better : entry.purl;
    const purl = full === undefined ? undefined : keys.of(full);
    const key = keyIn(entry, aliases);
    let groups = packages.get(purl);
    if (groups === undefined) {
      groups = new Map();
      packages.set(purl, groups);
    }
    const group = groups.get(key);
    if (group === undefined) groups.set(key, entry);
    else if (Array.isArray(group)) group.push(entry);
    else groups.set(key, [group, entry]);
  }
  return sorted(packages, feeds, new OwnNames(raw));
}

/** What a finding is called within its package. */
function keyIn({ identity, kind, ids, source }: RawFinding, aliases: AliasGroups): string {
  if (identity !== undefined) return identity;
  const id = ids[0] ?? source.id;
  return BY_ALIAS.has(kind) ? aliases.find(id) : `${kind}\0${id}`;
}

/** By package, then id, then identity; sorted package by package, which is less to compare than all at once. */
function sorted(
  packages: ReadonlyMap<string | undefined, ReadonlyMap<string, Group>>,
  feeds: Feeds,
  names: OwnNames,
): readonly MergedFinding[] {
  const all: MergedFinding[] = [];
  for (const purl of [...packages.keys()].sort((a, b) => byText(a ?? '', b ?? ''))) {
    const own: MergedFinding[] = [];
    for (const group of packages.get(purl)?.values() ?? []) own.push(merge(purl, group, feeds, names));
    if (own.length > 1) own.sort((a, b) => byText(a.id, b.id) || byText(a.identity, b.identity));
    for (const finding of own) all.push(finding);
  }
  return all;
}
