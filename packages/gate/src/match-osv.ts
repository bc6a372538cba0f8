import { packageIdOf, type SbomComponent } from '@paved/bom';
import { byText } from './order.js';
import { fixedVersion, isAffected } from './osv-range.js';
import { isMalware, judgementOf, type OsvAffected, type OsvRecord, titleOf } from './osv-record.js';
import type { RawFinding } from './raw-finding.js';
import { type CompareVersions, versionOrder } from './version-order.js';

export interface OsvMatches {
  readonly findings: readonly RawFinding[];
  /** Records that their publisher took back; never a finding. */
  readonly withdrawn: number;
}

/** A component that advisories can be looked up for. */
interface Package {
  readonly component: SbomComponent;
  readonly purl: string;
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
}

/** Without case: purls lower-case Go modules and new npm names; two names that differ in case alone are not worth a miss. */
function nameKey(ecosystem: string, name: string): string {
  // PyPI's own rule: runs of `-`, `_` and `.` are one `-` (PEP 503, "Normalized names").
  const folded = ecosystem === 'PyPI' ? name.replaceAll(/[-_.]+/g, '-') : name;
  return `${ecosystem}\0${folded.toLowerCase()}`;
}

/** `Go:1.2` and the like: the suffix narrows the ecosystem, it is not another one. */
function baseEcosystem(ecosystem: string): string {
  return ecosystem.replace(/:.*$/s, '');
}

function toPackage(component: SbomComponent): Package | undefined {
  if (component.purl === undefined) return undefined;
  const { ecosystem, name, version = component.version ?? '' } = packageIdOf(component.purl);
  return { component, purl: component.purl, ecosystem, name, version };
}

/** Keys of the packages whose records must be kept while a database is streamed; see {@link isRecordFor}. */
export function packageKeys(components: readonly SbomComponent[]): ReadonlySet<string> {
  const packages = components.map(toPackage).filter((entry) => entry !== undefined);
  return new Set(packages.map(({ ecosystem, name }) => nameKey(ecosystem, name)));
}

/** Whether a record speaks of one of the packages. */
export function isRecordFor(keys: ReadonlySet<string>, entry: OsvRecord): boolean {
  return entry.affected.some(
    ({ package: named }) => named !== undefined && keys.has(nameKey(baseEcosystem(named.ecosystem), named.name)),
  );
}

/** Ecosystems that a record speaks of, without suffixes. */
export function ecosystemsOf(entry: OsvRecord): readonly string[] {
  return entry.affected.flatMap(({ package: named }) => (named === undefined ? [] : [baseEcosystem(named.ecosystem)]));
}

/** A version that nobody can order, or none at all, is affected: a miss would be worse than a false alarm. */
function covers(part: OsvAffected, version: string, compare: CompareVersions): boolean {
  if (version === '') return true;
  try {
    return isAffected(version, part, compare);
  } catch {
    return true;
  }
}

function finding(entry: OsvRecord, part: OsvAffected, found: Package, compare: CompareVersions): RawFinding {
  const fixedIn = fixedVersion(found.version, part, compare);
  return {
    source: { name: 'osv', id: entry.id, ...judgementOf(entry, part) },
    ids: [...new Set([entry.id, ...entry.aliases])].sort(byText),
    kind: isMalware(entry) ? 'malware' : 'vulnerability',
    purl: found.purl,
    ecosystem: found.ecosystem,
    name: found.ecosystem === 'Go' ? found.component.name : found.name,
    version: found.version,
    ...(fixedIn === undefined ? {} : { fixedIn }),
    title: titleOf(entry),
    direct: found.component.direct,
    scope: found.component.scope,
  };
}

/** Matches components against OSV records, in the order of neither input. Ecosystems without an order of versions are not looked at. */
export function matchOsv(components: readonly SbomComponent[], records: Iterable<OsvRecord>): OsvMatches {
  const byName = new Map<string, Package[]>();
  for (const component of components) {
    const entry = toPackage(component);
    if (entry === undefined) continue;
    const key = nameKey(entry.ecosystem, entry.name);
    byName.set(key, [...(byName.get(key) ?? []), entry]);
  }
  const findings: RawFinding[] = [];
  let withdrawn = 0;
  for (const entry of records) {
    if (typeof entry.withdrawn === 'string') {
      withdrawn++;
      continue;
    }
    findings.push(...matchRecord(entry, byName));
  }
  const key = (item: RawFinding) => `${item.purl}\0${item.source.id}`;
  return { findings: findings.sort((a, b) => byText(key(a), key(b))), withdrawn };
}

function matchRecord(entry: OsvRecord, byName: ReadonlyMap<string, readonly Package[]>): readonly RawFinding[] {
  const found = new Map<string, RawFinding>();
  for (const part of entry.affected) {
    if (part.package === undefined) continue;
    const ecosystem = baseEcosystem(part.package.ecosystem);
    const compare = versionOrder(ecosystem);
    if (compare === undefined) continue;
    for (const candidate of byName.get(nameKey(ecosystem, part.package.name)) ?? []) {
      if (!found.has(candidate.purl) && covers(part, candidate.version, compare)) {
        found.set(candidate.purl, finding(entry, part, candidate, compare));
      }
    }
  }
  return [...found.values()];
}

/** Records by package, for many SBOMs against one database: each package looks only at its own. */
export class OsvIndex {
  readonly #byName = new Map<string, OsvRecord[]>();
  #size = 0;

  add(entry: OsvRecord): void {
    this.#size++;
    const keys = entry.affected.flatMap(({ package: named }) =>
      named === undefined ? [] : [nameKey(baseEcosystem(named.ecosystem), named.name)],
    );
    for (const key of new Set(keys)) {
      const others = this.#byName.get(key);
      if (others === undefined) this.#byName.set(key, [entry]);
      else others.push(entry);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** The same as {@link matchOsv} over every record that was added. */
  match(components: readonly SbomComponent[]): OsvMatches {
    const records = new Set<OsvRecord>();
    for (const key of packageKeys(components)) for (const entry of this.#byName.get(key) ?? []) records.add(entry);
    return matchOsv(components, records);
  }
}
