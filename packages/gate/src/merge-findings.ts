import { purlWithoutVersion } from '@paved/bom';
import { AliasGroups } from './alias-groups.js';
import type { MergedFinding } from './finding.js';
import type { KevCatalogue } from './kev.js';
import { byText, unique } from './order.js';
import type { FindingSource, RawFinding } from './raw-finding.js';
import { worst } from './severity.js';

function bestId(ids: readonly string[]): string {
  return ids.find((id) => id.startsWith('CVE-')) ?? ids.find((id) => id.startsWith('GHSA-')) ?? ids[0] ?? '';
}

function uniqueSources(raw: readonly RawFinding[]): readonly FindingSource[] {
  const key = ({ name, id, severity }: FindingSource) => `${name}\0${id}\0${severity}`;
  const sources = new Map(raw.map(({ source }) => [key(source), source]));
  return [...sources].sort(([a], [b]) => byText(a, b)).map(([, source]) => source);
}

function first(texts: readonly string[]): string {
  return unique(texts.filter((text) => text !== ''))[0] ?? '';
}

function merge(purl: string, raw: readonly RawFinding[], kev: KevCatalogue | undefined): MergedFinding {
  const ids = unique(raw.flatMap((entry) => entry.ids));
  const id = bestId(ids);
  const sources = uniqueSources(raw);
  const judged = new Set(sources.map(({ severity }) => severity).filter((severity) => severity !== 'unknown'));
  const exploited = ids.map((alias) => kev?.entries.get(alias)).find((entry) => entry !== undefined);
  return {
    id,
    aliases: ids.filter((alias) => alias !== id),
    kind: raw.some(({ kind }) => kind === 'malware') ? 'malware' : 'vulnerability',
    title: first(raw.map(({ title }) => title)),
    package: {
      purl,
      ecosystem: first(raw.map(({ ecosystem }) => ecosystem)),
      name: first(raw.map(({ name }) => name)),
      versions: unique(raw.map(({ version }) => version)),
      direct: raw.some(({ direct }) => direct),
      scope: raw.some(({ scope }) => scope === 'runtime') ? 'runtime' : 'development',
    },
    fixedIn: unique(raw.flatMap(({ fixedIn }) => (fixedIn === undefined ? [] : [fixedIn]))),
    severity: worst(sources.map(({ severity }) => severity)),
    sources,
    disagreement: judged.size > 1,
    ...(exploited === undefined ? {} : { kev: exploited }),
  };
}

/** One finding per alias group and package, whatever the number of sources and versions, sorted by package and id. */
export function mergeFindings(raw: readonly RawFinding[], kev: KevCatalogue | undefined): readonly MergedFinding[] {
  const aliases = new AliasGroups();
  for (const { ids } of raw) aliases.unite(ids);
  const groups = new Map<string, { purl: string; raw: RawFinding[] }>();
  for (const entry of raw) {
    const purl = purlWithoutVersion(entry.purl);
    const key = `${purl}\0${aliases.find(entry.ids[0] ?? entry.source.id)}`;
    const group = groups.get(key) ?? { purl, raw: [] };
    group.raw.push(entry);
    groups.set(key, group);
  }
  const order = (finding: MergedFinding) => `${finding.package.purl}\0${finding.id}`;
  return [...groups.values()]
    .map((group) => merge(group.purl, group.raw, kev))
    .sort((a, b) => byText(order(a), order(b)));
}
