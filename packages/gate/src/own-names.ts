import { contradicting } from './advisory-id.js';
import { AliasGroups } from './alias-groups.js';
import type { MergedFinding } from './finding.js';
import type { RawFinding } from './raw-finding.js';

type Names = readonly string[];

/**
 * What each source calls a finding by its own words and those of the databases. Attack: a report that gives a vulnerability of others
 * the name of one that is waived. It brings them together, which only adds; what takes a finding away has to reach each source
 * without its word.
 */
export class OwnNames {
  readonly #all: readonly RawFinding[];
  #databases: AliasGroups | undefined;

  constructor(all: readonly RawFinding[]) {
    this.#all = all;
  }

  /** The names by which sources know the finding that do not know all `ids` of it; `undefined` where each knows them all. */
  partial(group: readonly RawFinding[], ids: Names): readonly Names[] | undefined {
    const apart = group.filter((entry) => !ids.every((id) => entry.ids.includes(id)));
    if (apart.length === 0) return undefined;
    this.#databases ??= this.#readDatabases();
    const databases = this.#databases;
    const found = new Map<string, Names>();
    for (const entry of apart) {
      const own = new Set(entry.ids.map((id) => databases.find(id)));
      const names = ids.filter((id) => own.has(databases.find(id)));
      if (names.length < ids.length) found.set(names.join('\0'), names);
    }
    return found.size === 0 ? undefined : [...found.values()];
  }

  /** Our own matching alone: whatever a report calls itself, it has a document. */
  #readDatabases(): AliasGroups {
    const groups = new AliasGroups();
    for (const { ids, source } of this.#all) if (source.report === undefined && ids.length > 1) groups.unite(ids);
    return groups;
  }
}

/** Of each of these lists one name has to be waived for the finding as a whole: of several vulnerabilities called one, each. */
export function wholeNames({ id, aliases }: MergedFinding): readonly Names[] {
  const all = [id, ...aliases];
  const several = contradicting(all);
  return several.length === 0 ? [all] : several.map((name) => [name]);
}
