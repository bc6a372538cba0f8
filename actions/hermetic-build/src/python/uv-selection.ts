import { parseToml, type TomlTable, type TomlValue } from '@paved/bom/lockfiles';
import { markerHolds } from './marker.js';
import { normalName } from './wheel.js';

const LOCAL = ['virtual', 'editable', 'directory', 'path'];

/**
 * `name version` of what uv.lock installs here: from the packages of the project with all their extras and groups, along the
 * edges whose marker holds. Without a package of the project, everything.
 */
export function uvSelection(text: string, environment: Readonly<Record<string, string>>): ReadonlySet<string> {
  const all = tables(parseToml(text).package);
  const roots = all.filter((item) => LOCAL.some((kind) => isTable(item.source) && item.source[kind] !== undefined));
  const selected = new Set<string>();
  const queue: TomlValue[] = roots.flatMap((root) => [
    ...edges(root, undefined),
    ...groupEdges(root['dev-dependencies']),
  ]);
  if (roots.length === 0) for (const item of all) selected.add(keyOf(item));
  const followed = new Set<string>();
  for (let edge = queue.pop(); edge !== undefined; edge = queue.pop()) {
    if (!isTable(edge)) continue;
    if (typeof edge.marker === 'string' && !markerHolds(edge.marker, environment)) continue;
    for (const item of all.filter((candidate) => fits(candidate, edge))) {
      selected.add(keyOf(item));
      const extras = texts(edge.extra);
      const id = `${keyOf(item)} ${extras.join(' ')}`;
      if (followed.has(id)) continue;
      followed.add(id);
      queue.push(...edges(item, extras));
    }
  }
  return selected;
}

/** @param extras those that are asked for; `undefined`: all, as for the project itself */
function edges(item: TomlTable, extras: readonly string[] | undefined): readonly TomlValue[] {
  const optional = isTable(item['optional-dependencies']) ? item['optional-dependencies'] : {};
  const chosen = Object.entries(optional).filter(([name]) => extras === undefined || extras.includes(name));
  return [...list(item.dependencies), ...chosen.flatMap(([, value]) => list(value))];
}

function groupEdges(groups: TomlValue | undefined): readonly TomlValue[] {
  return isTable(groups) ? Object.values(groups).flatMap(list) : [];
}

function fits(item: TomlTable, edge: TomlTable): boolean {
  if (normalName(String(item.name)) !== normalName(String(edge.name))) return false;
  return edge.version === undefined || edge.version === item.version;
}

function keyOf(item: TomlTable): string {
  return `${normalName(String(item.name))} ${typeof item.version === 'string' ? item.version : ''}`;
}

function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value);
}

function list(value: TomlValue | undefined): readonly TomlValue[] {
  return Array.isArray(value) ? value : [];
}

function tables(value: TomlValue | undefined): readonly TomlTable[] {
  return list(value).filter(isTable);
}

function texts(value: TomlValue | undefined): readonly string[] {
  return list(value).filter((item) => typeof item === 'string');
}
